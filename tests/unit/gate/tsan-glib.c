// SPDX-License-Identifier: Apache-2.0
// Only for builds with ThreadSanitizer: GLib's locks are futexes inside a library that is not
// instrumented, so the sanitizer does not see them. These wrappers call the real ones and tell it.
#include <dlfcn.h>
#include <glib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef void (*MutexFunc)(GMutex *mutex);

void
g_mutex_lock(GMutex *mutex)
{
    static MutexFunc real;
    MutexFunc func = __atomic_load_n(&real, __ATOMIC_RELAXED);
    if (func == NULL) {
        func = (MutexFunc)dlsym(RTLD_NEXT, "g_mutex_lock");
        __atomic_store_n(&real, func, __ATOMIC_RELAXED);
    }
    func(mutex);
    __tsan_acquire(mutex);
}

void
g_mutex_unlock(GMutex *mutex)
{
    static MutexFunc real;
    MutexFunc func = __atomic_load_n(&real, __ATOMIC_RELAXED);
    if (func == NULL) {
        func = (MutexFunc)dlsym(RTLD_NEXT, "g_mutex_unlock");
        __atomic_store_n(&real, func, __ATOMIC_RELAXED);
    }
    __tsan_release(mutex);
    func(mutex);
}

// While it waits, the condition gives the lock up.
void
g_cond_wait(GCond *cond, GMutex *mutex)
{
    typedef void (*WaitFunc)(GCond *, GMutex *);
    WaitFunc func = (WaitFunc)dlsym(RTLD_NEXT, "g_cond_wait");
    __tsan_release(mutex);
    func(cond, mutex);
    __tsan_acquire(mutex);
}

gboolean
g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end)
{
    typedef gboolean (*WaitFunc)(GCond *, GMutex *, gint64);
    WaitFunc func = (WaitFunc)dlsym(RTLD_NEXT, "g_cond_wait_until");
    __tsan_release(mutex);
    gboolean signalled = func(cond, mutex, end);
    __tsan_acquire(mutex);
    return signalled;
}

// What is handed over by a queue was written before and is read after.
void
g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
    typedef void (*PushFunc)(GAsyncQueue *, gpointer);
    PushFunc func = (PushFunc)dlsym(RTLD_NEXT, "g_async_queue_push");
    __tsan_release(queue);
    func(queue, data);
}

void
g_async_queue_push_front(GAsyncQueue *queue, gpointer data)
{
    typedef void (*PushFunc)(GAsyncQueue *, gpointer);
    PushFunc func = (PushFunc)dlsym(RTLD_NEXT, "g_async_queue_push_front");
    __tsan_release(queue);
    func(queue, data);
}

gpointer
g_async_queue_pop(GAsyncQueue *queue)
{
    typedef gpointer (*PopFunc)(GAsyncQueue *);
    PopFunc func = (PopFunc)dlsym(RTLD_NEXT, "g_async_queue_pop");
    gpointer data = func(queue);
    __tsan_acquire(queue);
    return data;
}

gpointer
g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout)
{
    typedef gpointer (*PopFunc)(GAsyncQueue *, guint64);
    PopFunc func = (PopFunc)dlsym(RTLD_NEXT, "g_async_queue_timeout_pop");
    gpointer data = func(queue, timeout);
    __tsan_acquire(queue);
    return data;
}

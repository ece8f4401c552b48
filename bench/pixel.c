// SPDX-License-Identifier: Apache-2.0
// Presses keys on an X display and sees when a pixel changes, for bench/viewer.mjs: the same eyes
// and hands for every client. Reads one command a line and answers each with one line. Times are
// microseconds of CLOCK_MONOTONIC; the display is looked at once a millisecond, with one request
// of a few hundred bytes, so that is the resolution.
//
//   get X Y                       "RRGGBB"
//   key KEYSYM X Y MS             presses and lets go; "changed PRESSED SEEN" once the pixel
//                                 is not what it was, or "timeout"
//   wait X Y RRGGBB MS            "seen SEEN" once the pixel has about that colour, or "timeout"
//   click X Y                     left button; "clicked AT"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XTest.h>

#define LOOK_NS 1000000
#define NEAR 24 // of 255, in each channel: codecs lose a little

static Display *display;

static long long
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static unsigned long
pixel(int x, int y)
{
    XImage *image = XGetImage(display, DefaultRootWindow(display), x, y, 1, 1, AllPlanes, ZPixmap);
    unsigned long value = image ? XGetPixel(image, 0, 0) & 0xffffff : 0;
    if (image)
        XDestroyImage(image);
    return value;
}

static int
near(unsigned long a, unsigned long b)
{
    for (int shift = 0; shift < 24; shift += 8) {
        int difference = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);
        if (abs(difference) > NEAR)
            return 0;
    }
    return 1;
}

// Until the pixel is near the colour (want) or no longer near it; 0 when the time is over.
static long long
look(int x, int y, unsigned long colour, int want, int ms)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    long long end = now_us() + (long long)ms * 1000;
    while (near(pixel(x, y), colour) != want) {
        if (now_us() > end)
            return 0;
        nanosleep(&pause, NULL);
    }
    return now_us();
}

static void
press(const char *name, int x, int y, int ms)
{
    KeyCode code = XKeysymToKeycode(display, XStringToKeysym(name));
    if (!code) {
        puts("error: no such key");
        return;
    }
    unsigned long before = pixel(x, y);
    long long pressed = now_us();
    XTestFakeKeyEvent(display, code, True, 0);
    XTestFakeKeyEvent(display, code, False, 0);
    XFlush(display);
    long long seen = look(x, y, before, 0, ms);
    if (seen)
        printf("changed %lld %lld\n", pressed, seen);
    else
        puts("timeout");
}

static void
click(int x, int y)
{
    XTestFakeMotionEvent(display, -1, x, y, 0);
    long long at = now_us();
    XTestFakeButtonEvent(display, 1, True, 0);
    XTestFakeButtonEvent(display, 1, False, 0);
    XSync(display, False);
    printf("clicked %lld\n", at);
}

int
main(void)
{
    char line[256], name[64];
    int x, y, ms;
    unsigned long colour;
    display = XOpenDisplay(NULL);
    if (!display) {
        fprintf(stderr, "bench-pixel: no X display\n");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "get %d %d", &x, &y) == 2)
            printf("%06lx\n", pixel(x, y));
        else if (sscanf(line, "key %63s %d %d %d", name, &x, &y, &ms) == 4)
            press(name, x, y, ms);
        else if (sscanf(line, "wait %d %d %lx %d", &x, &y, &colour, &ms) == 4) {
            long long seen = look(x, y, colour, 1, ms);
            seen ? printf("seen %lld\n", seen) : puts("timeout");
        } else if (sscanf(line, "click %d %d", &x, &y) == 2)
            click(x, y);
        else
            puts("error: unknown command");
    }
    XCloseDisplay(display);
    return 0;
}

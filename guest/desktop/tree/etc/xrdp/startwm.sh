#!/bin/sh
# xrdp starts this for every session. Which desktop: VDI_SESSION in /etc/default/vdi-session or ~/.vdi-session, or
# vdi_session= on the kernel's command line: "light" (openbox, tint2) or "xfce"; otherwise light where the CPU is emulated.
unset DBUS_SESSION_BUS_ADDRESS
VDI_SESSION=$(sed -n 's/.*\bvdi_session=\([a-z]*\).*/\1/p' /proc/cmdline)
set -a
for file in /etc/default/locale /etc/default/vdi-session "$HOME/.vdi-session"; do
    # shellcheck disable=SC1090
    [ ! -r "$file" ] || . "$file"
done
set +a
if [ -z "$VDI_SESSION" ]; then
    case $(systemd-detect-virt --vm) in
    qemu) VDI_SESSION=light ;;
    *) VDI_SESSION=xfce ;;
    esac
fi
export VDI_SESSION GTK_IM_MODULE=fcitx QT_IM_MODULE=fcitx XMODIFIERS=@im=fcitx
# No "systemd --user" here (7 to 19 s under emulation): the runtime folder and the services are this session's own.
XDG_RUNTIME_DIR=/tmp/run-$(id -u)-$(echo "$DISPLAY" | tr -dc 0-9)
[ -d "$XDG_RUNTIME_DIR" ] || mkdir -m 700 "$XDG_RUNTIME_DIR"
export XDG_RUNTIME_DIR
cd "$HOME" || exit 1
exec dbus-launch --exit-with-session /usr/local/lib/yundesk/session

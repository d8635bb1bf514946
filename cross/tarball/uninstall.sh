#!/bin/sh
# uninstall.sh [--purge]: removes what install.sh installed. Settings and state (the local authority that devices trust) stay without --purge.
set -eu
case "$*" in
  '' | --purge) ;;
  --help) sed -n '2s/^# //p' "$0"; exit ;;
  *) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
esac
root=${DESTDIR:-}
case $root in '' | /*) ;; *) root=$PWD/$root ;; esac

[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo 'uninstall.sh: run it as root' >&2; exit 1; }

if [ -e "$root/etc/openwrt_release" ]; then
  [ -n "$root" ] || [ ! -e /etc/init.d/suzu ] || { /etc/init.d/suzu stop || true; /etc/init.d/suzu disable; }
  rm -f "$root/usr/bin/suzu" "$root/etc/init.d/suzu" "$root/lib/upgrade/keep.d/suzu" "$root/var/etc/suzu.conf"
  kept='/etc/config/suzu /etc/suzu'
else
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl disable --now suzu.socket suzu.service || true
  fi
  rm -f "$root/usr/local/bin/suzu" "$root/etc/systemd/system/suzu.service" "$root/etc/systemd/system/suzu.socket" \
    "$root/etc/systemd/system/suzu.service.d/before-253.conf"
  # A drop-in of your own stays.
  rmdir "$root/etc/systemd/system/suzu.service.d" 2>/dev/null || true
  [ -n "$root" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
  kept='/etc/suzu /var/lib/private/suzu /var/lib/suzu /var/log/private/suzu /var/log/suzu'
fi

for path in $kept; do
  [ -e "$root$path" ] || [ -L "$root$path" ] || continue
  if [ "${1:-}" = --purge ]; then
    rm -rf "${root}$path"
    echo "removed $path"
  else
    echo "kept $path (--purge removes it)"
  fi
done

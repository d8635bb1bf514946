#!/bin/sh
# install.sh: installs suzu from this folder, or a newer suzu over an older one. Settings that are there stay as they are. `DESTDIR=FOLDER` puts all below
# that folder, and starts nothing.
set -eu
# Whatever it was: suzu is no root, and has settings to read.
umask 022

case "$*" in
  '') ;;
  --help) sed -n '2,3s/^# //p' "$0"; exit ;;
  *) sed -n '2,3s/^# //p' "$0" >&2; exit 2 ;;
esac
root=${DESTDIR:-}
case $root in '' | /*) ;; *) root=$PWD/$root ;; esac
CDPATH='' cd -- "$(dirname -- "$0")"

fail() {
  echo "install.sh: $*" >&2
  exit 1
}
if [ -z "$root" ]; then
  [ "$(id -u)" = 0 ] || fail 'run it as root'
  # busybox takes for a script what the kernel does not take: with this path it finds no commands.
  case $(PATH=/ ./suzu --version) in 'suzu '*) ;; *) fail 'this suzu does not run here; is it for machines of another kind? Nothing was installed' ;; esac
fi

# put MODE FILE PATH: by a rename, since the old one may be running.
put() {
  new=$root$3.new
  { mkdir -p "${new%/*}" && cp "$2" "$new" && chmod "$1" "$new" && mv "$new" "$root$3"; } || {
    rm -f "$new"
    fail "$3 could not be written, and is as it was"
  }
}
# Unless it is there.
put_new() {
  if [ -e "$root$3" ]; then echo "kept $3"; else put "$@"; fi
}

if [ -e "$root/etc/openwrt_release" ]; then
  if [ -e "$root/etc/init.d/suzu" ]; then first=false; else first=true; fi
  put 755 suzu /usr/bin/suzu
  put_new 600 openwrt/suzu.config /etc/config/suzu
  mkdir -p "$root/lib/upgrade/keep.d"
  printf '%s\n' /etc/suzu/ /usr/bin/suzu /etc/init.d/suzu >"$root/lib/upgrade/keep.d/suzu" || fail '/lib/upgrade/keep.d/suzu could not be written'
  put 755 openwrt/suzu.init /etc/init.d/suzu
  if [ -z "$root" ]; then
    ! $first || /etc/init.d/suzu enable
    # What an administrator has disabled stays so.
    if /etc/init.d/suzu enabled; then
      /etc/init.d/suzu restart || fail 'installed, but it does not start: logread -e suzu'
    fi
  fi
  echo 'installed; settings are in /etc/config/suzu (uci show suzu)'
  exit
fi

# The version of systemd; that of another machine cannot be asked, but a library has it in its name.
systemd_version() {
  if [ -z "$root" ]; then
    systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p'
  else
    find "$root"/usr/lib* "$root"/lib* -name 'libsystemd-shared-*.so' 2>/dev/null | sed -n 's/.*-shared-\([0-9]*\).*/\1/p' | sort -n | tail -n 1
  fi
}

if [ -e "$root/etc/systemd/system/suzu.service" ]; then first=false; else first=true; fi
put 755 suzu /usr/local/bin/suzu
put_new 644 systemd/suzu.conf /etc/suzu/suzu.conf
if [ -d "$root/run/systemd/system" ] || [ -d "$root/etc/systemd/system" ]; then
  put 644 systemd/suzu.socket /etc/systemd/system/suzu.socket
  drop_ins=/etc/systemd/system/suzu.service.d
  version=$(systemd_version)
  if [ "${version:-999}" -lt 253 ]; then
    put 644 systemd/drop-ins/before-253.conf $drop_ins/before-253.conf
  else
    rm -f "$root$drop_ins/before-253.conf"
    # A drop-in of your own stays.
    rmdir "$root$drop_ins" 2>/dev/null || true
  fi
  # Last, since it says that all is there.
  put 644 systemd/suzu.service /etc/systemd/system/suzu.service
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # What an administrator has disabled or stopped stays so.
    restart=try-restart
    if $first; then
      systemctl enable suzu.service
      restart=restart
    fi
    systemctl $restart suzu.service || fail 'installed, but it does not start: journalctl -u suzu'
    echo 'installed; settings are in /etc/suzu/suzu.conf, `systemctl status suzu` shows how it is, systemd/README.md tells the rest'
  else
    echo 'installed; settings are in /etc/suzu/suzu.conf. Where systemd runs: systemctl enable --now suzu.service'
  fi
else
  echo 'installed. There is no systemd here: let your init system run, as a user of its own,'
  echo '  /usr/local/bin/suzu -C /etc/suzu/suzu.conf --state-dir FOLDER'
  echo 'SIGHUP reads the settings again, SIGTERM stops it. FOLDER belongs to that user, and stays.'
fi

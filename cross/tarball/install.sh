#!/bin/sh
# install.sh: installs suzu from this folder, or a newer suzu over an older one. Settings that are there stay as they are. `DESTDIR=FOLDER` puts all below
# that folder, and starts nothing.
set -eu
cd "$(dirname "$0")"
root=${DESTDIR:-}

[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo 'install.sh: run it as root' >&2; exit 1; }

# put MODE FILE PATH: by a rename, since the old one may be running.
put() {
  mkdir -p "$root${3%/*}"
  cp "$2" "$root$3.new"
  chmod "$1" "$root$3.new"
  mv "$root$3.new" "$root$3"
}
# Unless it is there.
put_new() {
  if [ -e "$root$3" ]; then echo "kept $3"; else put "$@"; fi
}

if [ -e "$root/etc/openwrt_release" ]; then
  put 755 suzu /usr/bin/suzu
  put 755 openwrt/suzu.init /etc/init.d/suzu
  put_new 600 openwrt/suzu.config /etc/config/suzu
  mkdir -p "$root/lib/upgrade/keep.d"
  printf '%s\n' /etc/suzu/ /usr/bin/suzu /etc/init.d/suzu >"$root/lib/upgrade/keep.d/suzu"
  [ -n "$root" ] || { /etc/init.d/suzu enable && /etc/init.d/suzu restart; }
  echo 'installed; settings are in /etc/config/suzu (uci show suzu)'
  exit
fi

put 755 suzu /usr/local/bin/suzu
put_new 644 systemd/suzu.conf /etc/suzu/suzu.conf
if [ -d /run/systemd/system ] || [ -d "$root/etc/systemd/system" ]; then
  put 644 systemd/suzu.service /etc/systemd/system/suzu.service
  put 644 systemd/suzu.socket /etc/systemd/system/suzu.socket
  version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  if [ "${version:-999}" -lt 253 ]; then
    put 644 systemd/drop-ins/before-253.conf /etc/systemd/system/suzu.service.d/before-253.conf
  fi
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if systemctl is-enabled --quiet suzu.socket; then
      systemctl try-restart suzu.service
    else
      systemctl enable suzu.service
      systemctl restart suzu.service
    fi
    echo 'installed; settings are in /etc/suzu/suzu.conf, `systemctl status suzu` shows how it is, systemd/README.md tells the rest'
  else
    echo 'installed; settings are in /etc/suzu/suzu.conf. Where systemd runs: systemctl enable --now suzu.service'
  fi
else
  echo 'installed. There is no systemd here: let your init system run, as a user of its own,'
  echo '  /usr/local/bin/suzu -C /etc/suzu/suzu.conf --state-dir FOLDER'
  echo 'SIGHUP reads the settings again, SIGTERM stops it. FOLDER belongs to that user, and stays.'
fi

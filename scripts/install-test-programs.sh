#!/usr/bin/env bash
# Installs the programs that the tests talk to: with apt-get as root on Debian; elsewhere it names what is missing and goes on,
# and the tests that need it are skipped aloud.
set -u

packages=(php8.2-fpm libfcgi-dev libfcgi-perl libfcgi-procmanager-perl spawn-fcgi fcgiwrap nginx logrotate chromium openssl systemd gcc libc6-dev perl zsh fish mandoc groff-base)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Not installed: ${missing[*]}. The tests that need them will be skipped." >&2
  exit 0
fi

log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# Services must not start on installation; the tests run their own.
if ! { apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  echo "Could not install ${missing[*]}; the tests that need them will be skipped. apt-get said:" >&2
  tail -n 20 "$log" >&2
fi
rm -f "$log"
exit 0

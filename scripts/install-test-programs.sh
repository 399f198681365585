#!/usr/bin/env bash
# Installs the programs that the tests talk to, as root on Debian; elsewhere it names what is missing, and the tests that need it are skipped.
set -u

packages=(
  php8.2-fpm libfcgi-dev libfcgi-perl libfcgi-procmanager-perl spawn-fcgi fcgiwrap nginx logrotate chromium openssl systemd gcc
  libc6-dev perl bash bsdutils zsh fish mandoc groff-base
)

if ! command -v dpkg-query >/dev/null 2>&1; then
  echo "This is not Debian, so nothing is installed. The tests use what these packages of Debian hold: ${packages[*]}." >&2
  echo "A test whose program is missing is skipped and says so." >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "All programs that the tests talk to are installed."
  exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Not installed: ${missing[*]}. The tests that need them are skipped and say so." >&2
  echo "Root installs them by: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# Services must not start on installation; the tests run their own.
if { apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  echo "Installed: ${missing[*]}."
else
  echo "Could not install ${missing[*]}; the tests that need them are skipped and say so. apt-get said:" >&2
  tail -n 20 "$log" >&2
fi
exit 0

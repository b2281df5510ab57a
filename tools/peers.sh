#!/bin/sh
# Installs the Debian packages of the real peers that the tests speak with. Needs root. An engineer may run it too;
# without it those tests are skipped by name.
set -eu
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
  freeradius freeradius-utils eapoltest radsecproxy nats-server snmpd snmp tshark \
  openssl systemd strace faketime e2fsprogs iproute2 nftables chromium
# Debian starts its own server on installation; the tests run theirs on ports of their own.
if command -v systemctl >/dev/null 2>&1; then systemctl disable --now freeradius >/dev/null 2>&1 || true; fi

#!/bin/sh
# Makes what compose.yaml mounts, in the current folder or in the one that is named: config/ with the shipped config.yaml,
# and secrets/ with new passwords. What is there already is kept, so it can be run again; the addresses are then written
# anew from the passwords. Other people of this host cannot enter secrets/; inside, the files have to be readable by
# the containers' own users.
set -eu
umask 077
here=$(cd "$(dirname "$0")/.." && pwd)
cd "${1:-.}"

random() { od -An -N 32 -tx1 /dev/urandom | tr -d ' \n'; }
put() { cat >"$1.new" && chmod 644 "$1.new" && mv -f "$1.new" "$1"; } # whole, or not at all
once() { [ -e "$1" ] || put "$1"; }

mkdir -p config secrets/passwords
chmod 755 config
for service in gateway dashboard redis postgres prometheus grafana; do
  mkdir -p "secrets/$service"
  chmod 755 "secrets/$service"
done
[ -e config/config.yaml ] || (umask 022 && cp "$here/config.yaml" config/config.yaml)

random | once secrets/gateway/atelier_secret
for name in redis redis_reader postgres_reader; do random | once "secrets/passwords/$name"; done
random | once secrets/postgres/password
random | once secrets/grafana/admin_password
printf '' | once secrets/prometheus/atelier.key
for provider in anthropic gemini openai; do printf '' | once "secrets/gateway/${provider}_api_key"; done

redis=$(cat secrets/passwords/redis)
redis_reader=$(cat secrets/passwords/redis_reader)
postgres=$(cat secrets/postgres/password)
postgres_reader=$(cat secrets/passwords/postgres_reader)

echo "redis://atelier:$redis@redis:6379/0" | put secrets/gateway/redis_url
echo "postgresql://atelier:$postgres@postgres/atelier" | put secrets/gateway/database_url
echo "redis://atelier_reader:$redis_reader@redis:6379/0" | put secrets/dashboard/redis_url
echo "postgresql://atelier_reader:$postgres_reader@postgres/atelier" | put secrets/dashboard/database_url
put secrets/redis/users.acl <<ACL
user default off
user health on nopass resetkeys resetchannels -@all +ping
user atelier on >$redis ~* &* +@all
user atelier_reader reset on >$redis_reader ~{atelier}:live:* +@read -@dangerous -scan -randomkey -dbsize +ping +hello +select
ACL

echo "config/ and secrets/ are ready. Put your provider keys into secrets/gateway/*_api_key (docs/deployment.md)."

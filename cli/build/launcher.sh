#!/bin/sh
# transfunctioner @VERSION@: one file with the program and the runtime that it was tested with.
#
# This head unpacks both into a private cache directory, checks their hashes, asks the program which
# permissions the given command line needs, and runs it with those and no others. Nothing is
# downloaded. The compressed program and runtime follow the last line.
#
# The cache is $TRANSFUNCTIONER_CACHE, else $XDG_CACHE_HOME/transfunctioner, else
# $CACHE_DIRECTORY (systemd), else $HOME/.cache/transfunctioner.
# shellcheck disable=SC2086 # flags are cut at line ends on purpose
set -eu
umask 077

program_hash=@PROGRAM_HASH@
program_size=@PROGRAM_SIZE@
runtime_hash=@RUNTIME_HASH@
head_lines=@HEAD_LINES@

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

hash_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" | cut -c1-64
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 <"$1" | cut -c1-64
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r <"$1" | cut -c1-64
  else
    fail 'no program to check hashes with' 'install coreutils, perl or openssl'
  fi
}

self=$0
case $self in
*/*) ;;
*) self=$(command -v -- "$self") || fail "cannot find $0" 'run it by its path' ;;
esac

if [ -n "${TRANSFUNCTIONER_CACHE-}" ]; then
  base=$TRANSFUNCTIONER_CACHE
elif [ -n "${XDG_CACHE_HOME-}" ]; then
  base=$XDG_CACHE_HOME/transfunctioner
elif [ -n "${CACHE_DIRECTORY-}" ]; then
  base=$CACHE_DIRECTORY
elif [ -n "${HOME-}" ]; then
  base=$HOME/.cache/transfunctioner
else
  fail 'no place to unpack the runtime to: HOME is not set' 'set TRANSFUNCTIONER_CACHE to a directory'
fi

# The home directory as the program would find it: its config.json, and the list of name servers,
# are all that is read to work out the permissions.
home=${TRF_HOME-}
before=
for word in "$@"; do
  [ "$before" = --home ] && home=$word
  case $word in --home=*) home=${word#--home=} ;; esac
  before=$word
done
# shellcheck disable=SC2088 # a tilde from a setting, which no shell has expanded
[ -n "$home" ] || home='~/.transfunctioner'
# shellcheck disable=SC2088
case $home in
'~') home=${HOME-/nonexistent} ;;
'~/'*) home=${HOME-/nonexistent}/${home#'~/'} ;;
esac

case $base in
/*) ;;
*) fail "the cache directory $base is relative" 'give a path from /' ;;
esac
# What the daemon may write, it must not run.
case $base/ in
"${home%/}"/*) fail "the cache directory $base is inside the home directory $home" \
  'set TRANSFUNCTIONER_CACHE to a directory outside' ;;
esac

cache=$base/$(printf %.16s "$program_hash")-$(printf %.16s "$runtime_hash")
mkdir -p "$cache" 2>/dev/null || fail "cannot make $cache" 'set TRANSFUNCTIONER_CACHE to a directory that can be written'
for private in "$base" "$cache"; do
  # shellcheck disable=SC3067 # every shell in use has it, busybox included
  [ -O "$private" ] || fail "$private belongs to another user" 'set TRANSFUNCTIONER_CACHE to a directory of your own'
  [ -z "$(find "$private" -prune \( -perm -020 -o -perm -002 \))" ] ||
    fail "other users may write to $private" "chmod 700 $private"
done

# Unpacks standard input to a file of the cache, whole or not at all.
unpack() {
  part=$cache/.$1.$$
  trap 'rm -f "$part"' EXIT
  gzip -dc >"$part" 2>/dev/null && [ "$(hash_of "$part")" = "$2" ] ||
    fail "$self is damaged, or $base is full" 'get the file again, and check its hash'
  chmod "$3" "$part"
  mv -f "$part" "$cache/$1"
  trap - EXIT
}

runtime=$cache/deno
program=$cache/program.js
if [ ! -f "$program" ] || [ "$(hash_of "$program")" != "$program_hash" ]; then
  tail -n "+$((head_lines + 1))" "$self" | head -c "$program_size" | unpack program.js "$program_hash" 0400
fi
# Number, size and time of change of a file: whatever is written to it, or put in its place, shows.
mark_of() {
  stat -c '%i %s %z' "$1" 2>/dev/null || stat -f '%i %z %Fc' "$1" 2>/dev/null || :
}

# Hashing the runtime takes a quarter of a second: once when unpacked, and at the start of a daemon
# unless the file system says that nobody has touched it since it was last found right.
whole() {
  [ -x "$runtime" ] || return 1
  [ "${1-}" = daemon ] || return 0
  mark=$(mark_of "$runtime")
  [ -n "$mark" ] && [ "$mark" = "$(cat "$cache/deno.mark" 2>/dev/null)" ] && return 0
  [ "$(hash_of "$runtime")" = "$runtime_hash" ] || return 1
  printf '%s\n' "$mark" >"$cache/deno.mark"
}
if ! whole "$@"; then
  tail -n "+$((head_lines + 1))" "$self" | tail -c "+$((program_size + 1))" | unpack deno "$runtime_hash" 0500
fi

# Variables that would change what the runtime does; those that only watch it stay.
for name in $(env | sed -n -e 's/^\(DENO_[A-Z0-9_]*\)=.*/\1/p' -e 's/^\(NODE_[A-Z0-9_]*\)=.*/\1/p') \
  LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT; do
  case $name in
  DENO_AUDIT_PERMISSIONS | DENO_TRACE_PERMISSIONS) ;;
  *) unset "$name" ;;
  esac
done
# The program may read TRF_ variables but not list them: mistyped names are told by the names alone.
TRF_VARIABLE_NAMES=$(env | sed -n 's/^\(TRF_[A-Za-z0-9_]*\)=.*/\1/p' | tr '\n' ' ')
export TRF_VARIABLE_NAMES
export DENO_DIR="$cache/deno-dir" DENO_NO_UPDATE_CHECK=1

# One flag a line: paths may hold blanks.
IFS='
'
set -f
base_flags="run
--quiet
--no-prompt
--no-remote
--no-npm
--no-config
--no-lock
--cached-only
--no-code-cache
--unstable-worker-options"

case ${1-} in
'' | -* | help | version | completions | manual) exec "$runtime" $base_flags "$program" "$@" ;;
# It looks into no other place than the one that it is told to.
daemon) [ -n "${TRF_HOME-}" ] || export TRF_HOME="$home" ;;
esac

flags=$("$runtime" $base_flags --allow-read="$home,/etc/resolv.conf" --allow-env='TRF_*,HOME' "$program" \
  permissions --lines -- "$@") || {
  code=$?
  # An error in JSON, where the command line asked for that.
  [ -z "$flags" ] || printf '%s\n' "$flags"
  exit "$code"
}
exec "$runtime" $base_flags $flags "$program" "$@"

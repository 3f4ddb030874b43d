# What tools/setup, quickstart and run-tests share. POSIX sh with local, as Debian Policy 10.4 allows; sourced, not run.
# Wants: project (the checkout's path).

say() { printf '%s\n' "$*"; }

# fail WHAT WHAT-TO-DO...: every failure says what to do.
fail() {
	printf '\nproblem: %s\n' "$1" >&2
	shift
	for line in "$@"; do printf '  %s\n' "$line" >&2; done
	exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# as_root COMMAND...: run it as root, by sudo where needed.
as_root() {
	if is_root; then
		"$@"
	else
		command -v sudo >/dev/null || fail "this needs root, and there is no sudo: $*" "Run it as root, or install sudo and give it to $(id -un)."
		sudo "$@" </dev/null || return $?
	fi
}

# as_user USER COMMAND...: as another user (when root) or as the caller, in a clean environment.
as_user() {
	local name=$1
	shift
	local directory
	directory=$(getent passwd "$name" | cut -d: -f6)
	set -- env -i HOME="$directory" USER="$name" LOGNAME="$name" PATH="$(program_path)" LC_ALL=C.UTF-8 "$@"
	if [ "$name" = "$(id -un)" ]; then
		"$@"
	else
		setpriv --reuid="$name" --regid="$(id -gn "$name")" --init-groups "$@"
	fi
}

# A copy of the project may be in program=...; else the checkout itself.
program_path() {
	local directory
	directory=$(node_directory "${program:-$project}")
	printf '%s' "${directory:+$directory:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

# node_directory ROOT: where the Node of ROOT/.node is, if there is one.
node_directory() {
	local directory
	for directory in "$1"/.node/node_modules/node-linux-*/bin; do
		[ -x "$directory/node" ] && printf '%s' "$directory"
	done
	:
}

check_distribution() {
	[ -r /etc/os-release ] || fail "this is not Debian" "mini-buildd needs Debian 12 or newer."
	os_id=$(. /etc/os-release && printf '%s' "${ID:-}")
	os_like=$(. /etc/os-release && printf '%s' "${ID_LIKE:-}")
	os_version=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
	os_codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	case "$os_id $os_like" in
	*debian*) ;;
	*) fail "this is $os_id, not Debian" "mini-buildd needs Debian 12 or newer." ;;
	esac
	if [ "$os_id" = debian ] && [ -n "$os_version" ] && [ "${os_version%%.*}" -lt 12 ]; then
		fail "this is Debian $os_version" "mini-buildd needs Debian 12 or newer: upgrade the machine, or use another one."
	fi
	architecture=$(dpkg --print-architecture)
	case $architecture in
	amd64 | arm64) ;;
	*) fail "the architecture is $architecture" "mini-buildd runs on amd64 and arm64." ;;
	esac
}

# check_space DIRECTORY MEBIBYTES: on the file system of the nearest directory that exists.
check_space() {
	local directory=$1 free
	while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
	free=$(df -Pm "$directory" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] || fail "there are $free MiB free below $directory, and $2 MiB are needed" "Make room, or choose another place."
}

# ensure_subordinate_ids USER: a range of 65536 uids and gids that only its testbeds use.
ensure_subordinate_ids() {
	local start end
	if ! has_subordinate_ids "$1" /etc/subuid || ! has_subordinate_ids "$1" /etc/subgid; then
		start=$(first_free_subordinate_id)
		end=$((start + 65535))
		say "giving $1 the subordinate ids $start-$end"
		as_root usermod --add-subuids "$start-$end" --add-subgids "$start-$end" "$1" ||
			fail "$1 got no range of subordinate ids" "Add the line \"$1:$start:65536\" to /etc/subuid and to /etc/subgid."
	fi
}

has_subordinate_ids() {
	awk -F: -v user="$1" -v id="$(id -u "$1")" '($1 == user || $1 == id) && $3 >= 65536 { found = 1 } END { exit !found }' "$2" 2>/dev/null
}

first_free_subordinate_id() {
	cat /etc/subuid /etc/subgid 2>/dev/null |
		awk -F: 'BEGIN { next_id = 100000 } $2 + $3 > next_id { next_id = $2 + $3 } END { print next_id }'
}

# APT may have been installed without ever having been asked (container images).
ensure_apt_lists() {
	[ -z "$(apt-get indextargets 2>/dev/null | head -n 1)" ] || return 0
	say "apt-get update"
	as_root apt-get -qq -o DPkg::Lock::Timeout=300 update || fail "apt-get update failed" "Look at its messages above."
}

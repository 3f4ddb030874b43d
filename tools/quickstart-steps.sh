# The steps of quickstart. Sourced after host.sh.
# Wants: project, home, http_port, ftp_port, hostname, SYSTEM_USER, SYSTEM_PROGRAM. Sets: user, program, changes, url.

READY_SECONDS=60

step() {
	printf '\n== %s\n' "$*"
}

# The checkout may be where that user cannot read, as in /root: it runs a copy.
use_system_user() {
	user=$SYSTEM_USER
	program=$SYSTEM_PROGRAM
	if ! getent passwd "$user" >/dev/null; then
		say "making the system user $user"
		useradd --system --user-group --home-dir /var/lib/mini-buildd --no-create-home --shell /usr/sbin/nologin "$user"
	fi
	copy_program
}

use_caller() {
	user=$(id -un)
	program=$project
}

# Only when it differs, and whole: a new copy takes the place of the old one.
copy_program() {
	local digest
	digest=$(program_digest)
	[ "$(cat "$program/.digest" 2>/dev/null || true)" = "$digest" ] && return

	say "copying the program to $program"
	rm -rf "$program.new"
	mkdir -p "$program.new"
	production_packages >"$program.new.list"
	[ -s "$program.new.list" ] || fail "the npm packages that the program needs are not known" "package-lock.json or node_modules is damaged: remove node_modules and run this again."
	(
		cd "$project"
		{
			printf '%s\0' bin dist package.json sample docs
			for directory in .node/node_modules/node-linux-*; do [ -d "$directory" ] && printf '%s\0' "$directory"; done
			tr '\n' '\0' <"$program.new.list"
		} | tar --null -T - -cf - | tar -xf - --no-same-owner -C "$program.new"
	)
	rm -f "$program.new.list"
	chmod -R go+rX "$program.new"
	printf '%s' "$digest" >"$program.new/.digest"
	rm -rf "$program.old"
	if [ -d "$program" ]; then mv "$program" "$program.old"; fi
	mv "$program.new" "$program"
	rm -rf "$program.old"
	mkdir -p /usr/local/bin
	ln -sfn "$program/bin/mini-buildd" /usr/local/bin/mini-buildd
}

# Directories below node_modules that are there and not for development only, by the lock file.
production_packages() {
	PATH="$(program=$project program_path)" node -e '
		const { existsSync, readFileSync } = require("node:fs");
		const [directory] = process.argv.slice(1);
		const { packages } = JSON.parse(readFileSync(`${directory}/package-lock.json`, "utf8"));
		for (const [path, entry] of Object.entries(packages)) {
			if (path !== "" && entry.dev !== true && existsSync(`${directory}/${path}`)) console.log(path);
		}' "$project"
}

# Of all that is copied; of the large binary of Node, if one had to be installed, its version.
program_digest() {
	(
		cd "$project"
		{
			find bin dist docs sample package-lock.json -type f -print0 | sort -z | xargs -0 sha256sum
			for file in .node/node_modules/node-linux-*/package.json; do [ ! -f "$file" ] || sha256sum "$file"; done
		} | sha256sum | cut -d' ' -f1
	)
}

make_home() {
	local owner
	if [ -d "$home" ]; then
		owner=$(stat -c %U "$home")
		[ "$owner" = "$user" ] || [ -z "$(ls -A "$home")" ] ||
			fail "$home belongs to $owner, not to $user" "Run this as $owner (or as root for $SYSTEM_USER), or give another --home."
	fi
	[ -d "$home" ] || as_user "$user" mkdir -p "$home" 2>/dev/null || true
	[ -d "$home" ] && [ "$(stat -c %U "$home")" = "$user" ] || as_root install -d -o "$user" -g "$(id -gn "$user")" -m 0755 "$home"
	as_user "$user" test -x "$home" || fail "$user cannot get at $home" "Choose a --home that $user may enter."
	as_user "$user" mkdir -p "$home/etc/keyrings" "$home/run"
}

# Written once; afterwards it is the administrator's, but for what is given now.
write_configuration() {
	local file=$home/etc/mini-buildd.toml
	if [ ! -e "$file" ]; then
		if [ -z "$hostname" ]; then hostname=$(usable_hostname); fi
		write_file "$file" <<END
# Configuration of mini-buildd. All options: docs/reference/configuration.md
hostname = "$hostname"

[http]
port = ${http_port:-8066}

[ftp]
port = ${ftp_port:-8067}
END
	else
		[ -z "$http_port" ] || replace_option "$file" http port "$http_port"
		[ -z "$ftp_port" ] || replace_option "$file" ftp port "$ftp_port"
		[ -z "$hostname" ] || replace_option "$file" "" hostname "\"$hostname\""
	fi
	http_port=$(configured_port http 8066)
	ftp_port=$(configured_port ftp 8067)
	url="http://$(sed -n 's/^hostname = "\(.*\)"/\1/p' "$file"):$http_port"
}

# replace_option FILE SECTION KEY VALUE: of a key that is there.
replace_option() {
	local edited
	edited=$(awk -v section="$2" -v key="$3" -v value="$4" '
		/^\[/ { current = $1; gsub(/[][]/, "", current) }
		current == section && $1 == key { print key " = " value; next }
		{ print }' "$1")
	printf '%s\n' "$edited" | write_file "$1"
}

# A name without an address would make the snippets useless, even here.
usable_hostname() {
	for name in "$(hostname -f 2>/dev/null || true)" "$(uname -n)"; do
		if [ -n "$name" ] && getent hosts "$name" >/dev/null; then
			printf '%s' "$name"
			return
		fi
	done
	printf 'localhost'
}

configured_port() {
	local port
	port=$(awk -v section="[$1]" '/^\[/ { inside = ($1 == section) } inside && $1 == "port" { print $3; exit }' "$home/etc/mini-buildd.toml")
	printf '%s' "${port:-$2}"
}

# write_file PATH <CONTENT, as the user.
write_file() {
	as_user "$user" sh -c 'cat >"$1.new" && mv "$1.new" "$1"' sh "$1"
}

run_program() {
	as_user "$user" "$program/bin/mini-buildd" "$@"
}

# A client of the daemon in this home.
run_client() {
	run_program --home "$home" "$@"
}

consult_doctor() {
	local findings
	findings=$(run_program doctor --home "$home") || {
		printf '%s\n' "$findings" | grep -A 1 '^PROBLEM' >&2
		fail "mini-buildd cannot run here yet" "Do what stands below each PROBLEM above, then run ./quickstart again (--http-port, --ftp-port: other ports)."
	}
	printf '%s\n' "$findings" | grep -A 1 '^warning' || true
	printf '%s\n' "$findings" | tail -n 1
}

daemon_pid() {
	local pid
	pid=$(cat "$home/run/daemon.pid" 2>/dev/null) || return 1
	# The number alone may have gone to another process since.
	[ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "serve --home $home " && printf '%s' "$pid"
}

# As a service where there are services, for the home that it has: then each build gets limits by control group.
uses_service() {
	is_root && [ -d /run/systemd/system ] && [ "$home" = /var/lib/mini-buildd ]
}

start_service() {
	local unit=/etc/systemd/system/mini-buildd.service
	cmp -s "$project/tools/mini-buildd.service" "$unit" || install -m 644 "$project/tools/mini-buildd.service" "$unit"
	systemctl daemon-reload
	systemctl --quiet enable mini-buildd
	if [ "$(cat "$home/run/daemon.program" 2>/dev/null || true)" = "$1" ] && systemctl --quiet is-active mini-buildd; then
		say "runs already (systemctl status mini-buildd)"
		return
	fi
	systemctl restart mini-buildd || fail "the service did not start" "Look at: journalctl -u mini-buildd"
	wait_until_ready
	printf '%s' "$1" | write_file "$home/run/daemon.program"
	say "runs as the service mini-buildd; its log: journalctl -u mini-buildd"
}

# A running daemon stays, unless its program has changed.
start_daemon() {
	local wanted pid
	wanted=$(program_digest)
	if uses_service; then
		# One from before it was a service.
		if pid=$(daemon_pid); then stop_daemon "$pid"; fi
		start_service "$wanted"
		return
	fi
	if pid=$(daemon_pid); then
		if [ "$(cat "$home/run/daemon.program" 2>/dev/null || true)" = "$wanted" ]; then
			say "runs already (process $pid)"
			return
		fi
		say "the program has changed: starting it again"
		stop_daemon "$pid"
	fi
	launch_daemon
	wait_until_ready
	printf '%s' "$wanted" | write_file "$home/run/daemon.program"
	say "runs as $user, process $(daemon_pid); its log is $home/run/daemon.log"
}

launch_daemon() {
	# setsid: it lives on when this terminal is closed. Nothing of ours stays open in it.
	as_user "$user" setsid --fork \
		sh -c 'cd "$1"; echo $$ >run/daemon.pid; exec "$2" serve --home "$1" >>run/daemon.log 2>&1' \
		sh "$home" "$program/bin/mini-buildd" </dev/null >/dev/null 2>&1
}

wait_until_ready() {
	for _ in $(seq $READY_SECONDS); do
		sleep 1
		if run_client status >/dev/null 2>&1; then return; fi
		if uses_service; then systemctl --quiet is-failed mini-buildd && break; else daemon_pid >/dev/null || break; fi
	done
	if uses_service; then journalctl --no-pager -u mini-buildd -n 15 >&2; else tail -n 15 "$home/run/daemon.log" >&2; fi
	fail "the daemon did not get ready" "The end of its log is above."
}

stop_daemon() {
	as_user "$user" kill "$1"
	for _ in $(seq $READY_SECONDS); do
		if ! daemon_pid >/dev/null; then return; fi
		sleep 1
	done
	fail "the daemon (process $1) does not stop" "Look at $home/run/daemon.log, then: kill -KILL $1"
}

# A catalog that is there is the administrator's; a first one is written for this machine.
apply_catalog() {
	if [ ! -e "$home/etc/catalog.toml" ]; then
		make_uploader_key
		first_catalog | write_file "$home/etc/catalog.toml"
	fi
	run_client apply || fail "the catalog could not be applied" "Correct $home/etc/catalog.toml as said above, then run ./quickstart again."
}

first_catalog() {
	cat <<END
# What this mini-buildd serves. After an edit: mini-buildd plan, then mini-buildd apply.
# All keys: docs/reference/catalog.md

[archive-sources.debian]
from = "host"

[codenames.$os_codename]
base = "debian"
architectures = ["$architecture"]

# Everybody who reaches the upload ports may upload here: for trying out, and for trusted networks.
[repositories.test]
description = "Takes unsigned uploads"
codenames = ["$os_codename"]
uploads = "unsigned"

# Takes uploads signed by a key of etc/keyrings/uploaders.asc. Put your own public key there.
[repositories.team]
description = "Takes uploads of known uploaders"
codenames = ["$os_codename"]
uploads = "signed"
uploader-keyrings = ["uploaders.asc"]
END
}

# The keyring must hold a key; the first one is made here, and its secret half stays with the user.
make_uploader_key() {
	[ ! -e "$home/etc/keyrings/uploaders.asc" ] || return 0
	as_user "$user" sh -c '
		set -eu
		umask 077
		mkdir -p "$1/keys/first-uploader"
		export GNUPGHOME="$1/keys/first-uploader"
		gpg --batch --quiet --passphrase "" --quick-generate-key "First uploader of this mini-buildd <uploader@localhost>" ed25519 sign never
		gpg --batch --quiet --armor --export >"$1/etc/keyrings/uploaders.asc.new"
		gpgconf --kill all
		chmod 644 "$1/etc/keyrings/uploaders.asc.new"
		mv "$1/etc/keyrings/uploaders.asc.new" "$1/etc/keyrings/uploaders.asc"
	' sh "$home" || fail "no uploader key could be made" "Look at gpg's messages above."
}

# Its version holds the time, so that each run uploads a new one.
upload_sample() {
	codeversion=${os_version%%.*}
	[ -n "$codeversion" ] || codeversion="~$(printf '%s' "$os_codename" | tr '[:lower:]' '[:upper:]')"
	version="1.$(date -u +%Y%m%d.%H%M%S)~test$codeversion+1"
	distribution=$os_codename-test-unstable
	directory=$(as_user "$user" mktemp -d /var/tmp/mini-buildd-sample.XXXXXX)
	trap 'rm -rf "$directory"' EXIT
	changes=$(as_user "$user" "$program/sample/make-source" "$distribution" "$version" "$directory") ||
		fail "the sample source package could not be made" "Look at the messages above."
	run_client dput_conf | write_file "$directory/dput.cf"
	dput_host=$(sed -n 's/^\[\(.*\)\]/\1/p' "$directory/dput.cf" | head -n 1)
	say "dput $dput_host $(basename "$changes")"
	as_user "$user" dput --config "$directory/dput.cf" --unchecked "$dput_host" "$changes" </dev/null ||
		fail "dput could not upload" "Its configuration was: $(tr '\n' ' ' <"$directory/dput.cf")"
}

install_sample() {
	local output=$directory/testbed.out
	run_program testbed --home "$home" --distribution "$distribution" --install mbd-hello-sample -- mbd-hello-sample >"$output" 2>"$output.progress" ||
		{ cat "$output" "$output.progress" >&2 && fail "the sample could not be installed" "Look at apt's messages above."; }
	sed 's/^/   /' "$output" | tail -n 12
	grep -qF "Hello from mini-buildd, mbd-hello-sample $version" "$output" ||
		fail "the installed program did not greet with its version" "Its output is above."
	grep -q "^ *[0-9-]* http://[^ ]*:$http_port/repositories/test $distribution/main" "$output" ||
		fail "apt does not name our repository as the origin of the sample" "The output of apt-cache policy is above."
}

show_what_is_there() {
	local keyring=/etc/apt/keyrings/$dput_host.asc
	step "Done: from dput to apt-get install"
	cat <<END
Web page         $url/
Repository page  $url/mini_buildd/repositories/test/

To upload: this in ~/.dput.cf, then dput --unchecked $dput_host FILE.changes (--unchecked: also unsigned ones)

$(sed 's/^/    /' "$directory/dput.cf")

Uploads to $distribution have versions that end in ~test$codeversion+1.

To install, as root:

    /usr/lib/apt/apt-helper download-file "$url/mini_buildd/api/pub_key/?output=plain" $keyring
    echo "$(apt_source_line)" >/etc/apt/sources.list.d/$dput_host.list

What is served   $home/etc/catalog.toml; after an edit: $(client_command) apply
To administer    $(client_command) user_create NAME EMAIL --role admin; it prints a link to set your password
To stop          $(if uses_service; then printf 'systemctl stop mini-buildd'; else printf 'kill %s' "$(daemon_pid)"; fi)
To start again   $(if uses_service; then printf 'systemctl start mini-buildd, or '; fi)./quickstart$([ "$home" = /var/lib/mini-buildd ] || printf ' --home %s' "$home")
END
}

apt_source_line() {
	run_client sources_list --codenames "$os_codename" --repositories test --suites unstable --options "signed-by=$keyring" | head -n 1
}

client_command() {
	if is_root; then printf 'mini-buildd'; else printf '%s' "$program/bin/mini-buildd"; fi
	[ "$home" = /var/lib/mini-buildd ] || printf ' --home %s' "$home"
}

# The names on a board: links to contents, what is current, what is kept. POSIX sh, in the work folder.
# history: a line for every artifact that may be gone back to, the latest last: artifact, data set, runner, lease, when.
# c: what is current, once that is known.

c=

link() { # path, target: nothing is started where the link is right
	[ "$1" -ef "${1%/*}/$2" ] || { mkdir -p "${1%/*}" && ln -sfn "$2" "$1"; }
}

program() { # blob
	[ -x "blobs/$1" ] || chmod 755 "blobs/$1"
}

current() {
	c=$(readlink current 2>/dev/null) || :
	c=${c##*/}
}

switch_to() { # artifact
	ln -sfn "artifacts/$1" current.new && mv -T current.new current
	c=$1
}

remember() { # artifact, data set, runner, lease, when
	current
	last=
	[ -z "$c" ] || last="$c - - - 0"
	{
		[ ! -f history ] || while read -r id rest; do
			case $id in "$1") ;; "$c") last="$id $rest" ;; *) echo "$id $rest" ;; esac
		done <history
		[ -z "$last" ] || [ "$c" = "$1" ] || echo "$last"
		echo "$*"
	} >history.new
	mv history.new history
}

require_whole() { # a list: what removes by one that a killed program left short would remove too much
	case ${1% } in *whole) ;; *) echo "a list ended early; nothing was removed" >&2 && exit 71 ;; esac
}

runs() { # a path: whether a running program was started with it; looked up once, where something is to go
	[ -n "$running" ] ||
		running=$({ cat /proc/[0-9]*/cmdline 2>/dev/null || :; echo whole; } | tr '\0\n' '  ')
	require_whole "$running"
	case $running in *"$1"*) ;; *) return 1 ;; esac
}

collect() { # how many are kept, lease: its own are kept too, and what a running program was started with
	running=
	[ -n "$c" ] || current
	kept=" $c " left=0
	[ -f history ] || : >history
	while read -r id _; do left=$((left + 1)); done <history
	while read -r id dataset runner lease when; do
		left=$((left - 1))
		[ "$id" = "$c" ] || [ $left -lt "$1" ] || { [ "$2" != - ] && [ "$lease" = "$2" ]; } ||
			runs "$PWD/artifacts/$id/" || continue
		kept="$kept$id $dataset $runner "
		echo "$id $dataset $runner $lease $when" >&3
	done <history 3>history.new
	mv history.new history
	for folder in artifacts/* datasets/* runner/*; do
		case $kept in *" ${folder##*/} "*) continue ;; esac
		runs "$PWD/$folder" || rm -rf "$folder"
	done
	used=$(ls -lR artifacts datasets runner && echo whole)
	require_whole "$used"
	for file in blobs/* chunks/*; do
		case $used in *"/blobs/${file##*/}"*) ;; *) rm -f "$file" ;; esac
	done
}

before() { # prints what was current before
	current
	before=
	[ ! -f history ] || while read -r id _; do
		[ "$id" != "$c" ] || break
		[ ! -d "artifacts/$id" ] || before=$id
	done <history
	if [ -z "$before" ]; then
		echo "nothing was deployed before what is current" >&2
		exit 66
	fi
	echo "$before"
}

back() { # what was current before; a hash and the name of each of its files come on the input
	[ "$(before)" = "$1" ] || { echo "something was deployed meanwhile" >&2 && exit 1; }
	while IFS= read -r line; do
		file="artifacts/$1/${line#* }"
		[ "$(sha256sum <"$file" | cut -c 1-64)" = "${line%% *}" ] || { echo "$file is damaged" >&2 && exit 65; }
	done
	switch_to "$1"
}

list() { # a line for what is current, then two for each: its history, its manifest
	current
	echo "$c"
	[ ! -f history ] || while read -r line; do
		id=${line%% *}
		[ -f "artifacts/$id/manifest.json" ] || continue
		echo "$line"
		cat "artifacts/$id/manifest.json"
		echo
	done <history
}

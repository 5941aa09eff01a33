# One deployment at a time where there is no Python. POSIX sh, in the work folder.
# deployer: the deployment that came last; an earlier one does nothing more.
# deploying.N: a link to nothing, whose text is the process of a step that writes, and whose it is. The highest N counts,
# for as long as that process lives and works in this folder: one that was killed, or was there before the board's last
# boot, holds nothing. A link is made whole or not at all, as a folder is, but with its text; none that counts is ever
# removed, so that of two who see that a process has ended only one takes its place.

claim() { # deployment: it is the last one
	printf '%s\n' "$1" >deployer.$$ && mv -f deployer.$$ deployer || { rm -f deployer.$$ && return 1; }
}

require_last() { # deployment: ends where a later one has come
	IFS= read -r last <deployer || :
	[ "$last" = "$1" ] || { echo "another deployment has taken over, in the name of ${last% *}" >&2 && exit 76; }
}

latest() { # sets the highest N, and what its link says
	n=0
	for l in deploying.*; do
		case ${l#deploying.} in '' | *[!0-9]*) ;; *) [ "${l#deploying.}" -le $n ] || n=${l#deploying.} ;; esac
	done
	held=$(readlink "deploying.$n") || held=
}

family() { # process: it and all that it has started, itself first
	echo "$1"
	for kid in /proc/[0-9]*/stat; do
		{ read -r kid line <"$kid"; } 2>/dev/null || continue
		line=${line##*) ? } # after its name, which may hold anything, and its state: who started it
		[ "${line%% *}" != "$1" ] || family "$kid"
	done
}

take() { # deployment: fails where another step has it, which is told to end
	latest
	holder=${held%% *}
	if [ "${holder:-$$}" != $$ ] && [ "/proc/$holder/cwd" -ef . ]; then
		require_last "$1" # else the later one would be told to end, and nobody be left
		kill $(family "$holder") 2>/dev/null || :
		return 1
	fi
	holder= mine=$((n + 1))
	said=$(ln -s "$$ $1" "deploying.$mine" 2>&1) || return 1
	latest
	[ $n = $mine ] || { rm -f "deploying.$mine" && return 1; }
}

alone() { # deployment: waits until no other step writes here, and is the one that does
	tenths=0
	until take "$1"; do
		if [ $tenths -ge 100 ]; then
			[ -n "$holder" ] || { echo "$said" >&2 && exit 1; }
			held=${held#* }
			echo "another deployment runs here, process $holder, in the name of ${held% *}" >&2 && exit 77
		fi
		if sleep .1 2>/dev/null; then
			tenths=$((tenths + 1))
		else # this one counts whole seconds
			sleep 1 || :
			tenths=$((tenths + 10))
		fi
	done
	for l in deploying.*; do [ "${l#deploying.}" -ge $mine ] || rm -f "$l"; done
	require_last "$1"
}

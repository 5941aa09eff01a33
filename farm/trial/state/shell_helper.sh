# Reads a board's files again and again, as helper.py does, on a board without Python. POSIX sh. Each reading is a line:
#
#   <period ms> <readings> <cpu us> <busy> <total> <own> TAB <name> RS <value> TAB <name that is gone> ...
#
# with what has changed since the one before. It has no clock: the artifact's writes the time behind each line.
# $1: what the places script printed, $2: the period in ms, $3: the runs' folder, $4: the root, $5: the slow script.
# Processor time is in ticks of 10 ms, as Linux tells it to programs.

least_ms=$2 runs=$3 R=$4 slow=$5
most_ms=10000 slow_ms=5000
tab=$(printf '\t') rs=$(printf '\036') nl='
'

# whoever holds the other end of the input wants more; its end interrupts the sleep
last=
trap 'last=1' USR1
exec 3<&0 </dev/null # the input of what runs behind is nothing, in some shells before it is what was said
{
	cat
	kill -USR1 $$
} <&3 >/dev/null 2>&1 &
exec 3<&-

places= constants=
IFS=$nl
set -f
for one in $1; do
	case $one in
	*"$tab$rs"*) places=$places$one$nl ;;
	*"$tab"*) constants=$constants$one$nl ;;
	esac
done
unset IFS
set +f

first() { # path: its first line, in v
	v=
	[ -r "$1" ] && { IFS= read -r v <"$1"; } 2>/dev/null
	[ -n "$v" ]
}

memory() { # path: what programs can still have, in v
	while read -r key v _; do
		[ "$key" != MemAvailable: ] || return 0
	done 2>/dev/null <"$1"
	return 1
}

ticks() { # path of a process's stat: its ticks and those of children that it waited for, in v; a name may hold blanks
	first "$1" || return 1
	set -- ${v##*)}
	v=$((${12} + ${13} + ${14} + ${15}))
}

file= pid= latest=0 earlier=0
own() { # what the runner took, and those that ran before it, in mine; fails once it has ended: what it took last is lost
	if [ ! -e "${file:-/dev/null/none}" ]; then
		for file in "$runs"/*.pid; do
			first "$file" && pid=$v earlier=$((earlier + latest)) latest=0 && break
			file=
		done
	fi
	if [ -z "$pid" ]; then
		:
	elif ticks "$R/proc/$pid/stat"; then
		latest=$v
	elif [ $latest -gt 0 ]; then
		return 1
	fi
	mine=$((earlier + latest))
}

all= other=
count() { # the first line of /proc/stat: what a host took from the board is in neither sum
	set -- $1
	busy_before=$busy all_before=$all mine_before=$mine
	busy=$(($2 + $3 + $4 + $7 + $8))
	all=$((busy + $5 + $6))
	counted="$busy $all -"
	[ -n "$runs" ] || return 0
	own || { # as it was when the runner was last seen
		other= counted=$known
		return 0
	}
	counted="$busy $all $mine" known=$counted
	[ -n "$all_before" ] && [ $all -gt "$all_before" ] || return 0
	other=$((100 * (busy - busy_before - mine + mine_before) / (all - all_before)))
	[ $other -ge 0 ] || other=0
}

tell() { # name, value: into now, and into line where that is new
	case $now$tab in *"$tab$1$rs"*) return ;; esac
	now=$now$tab$1$rs$2
	case $said$tab in *"$tab$1$rs$2$tab"*) return ;; esac
	[ "$1" != loadavg ] || case $said in *"${tab}loadavg$rs"*) return ;; esac
	line=$line$tab$1$rs$2
}

said= facts=
look() {
	now= line= counted='- - -'
	IFS=$nl
	set -f
	set -- $facts $places $constants
	unset IFS
	set +f
	for one; do
		name=${one%%"$tab"*} path=${one#*"$rs"}
		case $one in
		"stat$tab$rs"*) ! first "$path" || count "$v" ;;
		"memory_kb$tab$rs"*) ! memory "$path" || tell "$name" "$v" ;;
		*"$tab$rs"*) ! first "$path" || tell "$name" "$v" ;;
		*) tell "$name" "${one#*"$tab"}" ;;
		esac
	done
	[ -z "$other" ] || tell other "$other"
	IFS=$tab
	set -f
	set -- $said
	unset IFS
	set +f
	for one; do
		name=${one%%"$rs"*}
		case $now in *"$tab$name$rs"*) ;; *) line=$line${name:+$tab$name} ;; esac
	done
	said=$now
}

readings=0 period_ms=$least_ms since_slow_ms=$slow_ms
ticks /proc/$$/stat || exit 1
begun=$v
while :; do
	end=$last
	if [ -n "$slow" ] && [ $since_slow_ms -ge $slow_ms ]; then
		facts=$(sh -c "$slow" 2>/dev/null </dev/null) since_slow_ms=0
	fi
	look
	readings=$((readings + 1))
	ticks /proc/$$/stat
	cost_ms=$((10 * (v - begun)))
	printf '%s\n' "$period_ms $readings ${cost_ms}000 $counted$line" || exit 1
	[ -z "$end" ] || exit 0
	period_ms=$((cost_ms / readings * 1000)) # a thousandth of a processor
	[ $period_ms -gt $least_ms ] || period_ms=$least_ms
	[ $period_ms -lt $most_ms ] || period_ms=$most_ms
	since_slow_ms=$((since_slow_ms + period_ms))
	[ -z "$last" ] || continue
	case $period_ms in
	*000) sleep $((period_ms / 1000)) & ;;
	*) sleep $((period_ms / 1000)).$(printf %03d $((period_ms % 1000))) & ;;
	esac >/dev/null 2>&1
	wait $!
	kill $! 2>/dev/null
done

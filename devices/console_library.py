r"""What the shell of a board is taught: run a command once, keep its answer, send it so that damage shows.

For any POSIX shell, and without a process where it can do without: a request is checked by arithmetic and decoded
by ``$'…'``, or ``printf %b`` and ``.``; an answer of a few bytes goes as text, and beside it as the code of each
character. A longer one goes through ``base64`` and ``md5sum``.

``_etf HOW SESSION NUMBER X Y CODES…``     run a command, its bytes in octal; HOW 1 in this shell, 2 below it
``_etf_part K TEXT``                       keep a piece of a command that is too long for that, in base64
``_etf_long HOW SESSION NUMBER MD5``       run what the pieces make up
``_etf_get WHAT BLOCK COUNT NUMBER``       send COUNT KiB of an answer: WHAT is ``o`` or ``e``

A command runs if its number is newer than the last one that ran; the same number is answered from what was kept.
So a request may be sent again at any time, and no command runs twice. A subshell would forget the number with its
end: one that noise has made, by a ``&`` or a ``|`` behind a request, sees that it is not ``/proc/$$`` and refuses.

What is sent lies between RS and US, which neither an echo nor a kernel's message holds. The prompt is such a frame
too, an empty one: the shell waits. A plus sign is the prompt inside half a line, a question mark says that a
request did not arrive whole.
"""

FIRST_KIB = 4
"""Of an answer in base64, what comes without being asked for."""
SUMS = ((419, 5113051), (433, 4948117))
"""Multiplier and prime of two polynomial check sums over octal codes (≤ 377): within 31 bits, as mksh counts."""
SESSIONS = range(100_000, 4_900_000)
"""Numbers for sessions: within what the check sums carry."""

PREPARE = (
    "stty -echo -ixon 2>/dev/null;PS1= PS2= PROMPT_COMMAND=;"
    "unset HISTFILE;set +o emacs 2>/dev/null;set +o vi 2>/dev/null;unalias -a"
)
"""No echo, no flow control (a damaged byte would stop all output), no prompt, no aliases, no line editor and with
it no bracketed paste, no history, no completion."""

PLACES = "/dev/shm /tmp /var/tmp /run /data/local/tmp"  # noqa: S108 -- a folder of our own is made there
"""Where a board may keep answers, memory first."""

_SUM = " ".join(f"_etf_{name}=$(((_etf_{name}*{by}+_etf_k)%{m}))" for name, (by, m) in zip("xy", SUMS, strict=True))
_STATUS = "$((((_etf_r*{by}+_etf_l)*{by}+_etf_n)%{m}))".format(by=SUMS[0][0], m=SUMS[0][1])

_LIBRARY = rf"""
_etf_s=@SESSION@ _etf_n=0 _etf_z=0 _etf_g=
[ /proc/self -ef /proc/$$ ] 2>/dev/null&&_etf_g=/proc/$$
for _etf_k in @OLD@;do kill -0 ${{_etf_k##*-}} 2>/dev/null||[ ! -d $_etf_k ]||rm -rf $_etf_k;done
case $'\141' in a)_etf_0=\\;;*)_etf_0=\\0;;esac
trap "rm -rf $_etf_d" 0
unset -f echo true false pwd test 2>/dev/null
_etf(){{
_etf_h=$1 _etf_i=$2 _etf_j=$3 _etf_w=$4.$5 _etf_x=1 _etf_y=1 _etf_t=
for _etf_k in $1 $2 $3;do {_SUM};done
shift 5
for _etf_k do {_SUM} _etf_t=$_etf_t$_etf_0$_etf_k;done
[ $_etf_x.$_etf_y = "$_etf_w" ]||{{ printf '\036?\037\n';return;}}
_etf_new||return
case $_etf_0 in
*0)_etf_c=". $_etf_d/c";printf %b "$_etf_t">$_etf_d/c;;
*)eval "_etf_c=\$'$_etf_t'"
esac&&_etf_do||_etf_r=full
_etf_send
}}
_etf_part(){{
[ "$1" != 0 ]||_etf_p=0 _etf_b=
[ "$1" != "$_etf_p" ]||_etf_b=$_etf_b$2 _etf_p=$((_etf_p+1))
}}
_etf_long(){{
_etf_h=$1 _etf_i=$2 _etf_j=$3
case $(printf %s "$1 $2 $3 $_etf_b"|md5sum) in "$4 "*);;*)printf '\036?\037\n';return;;esac
_etf_new||return
_etf_c=". $_etf_d/c"
printf %s "$_etf_b"|base64 -d>$_etf_d/c&&_etf_do||_etf_r=full
_etf_send
}}
_etf_new(){{
[ "$_etf_i" = $_etf_s ]&&[ "$_etf_j" -ge $_etf_n ]||return
[ "$_etf_j" != $_etf_n ]||{{ _etf_again;return 1;}}
[ ! "$_etf_g" ]||[ /proc/self -ef $_etf_g ]||{{ printf '\036?\037\n';return 1;}}
_etf_n=$_etf_j _etf_r=lost _etf_l=-1 _etf_z=$((_etf_z+1))
[ $_etf_z -lt 64 ]||{{ rm -f $_etf_d/[oe]*;_etf_z=0;}}
}}
_etf_do(){{
{{ if [ $_etf_h = 1 ];then eval "$_etf_c" </dev/null >&4 2>&5
else (set --;eval "$_etf_c") </dev/null >&4 2>&5 4>&- 5>&-;fi
_etf_r=$?
read -r _etf_k _etf_l 2>/dev/null </proc/$$/fdinfo/4;}} 4>$_etf_d/o$_etf_n 5>$_etf_d/e$_etf_n
[ $_etf_h$_etf_r = 10 ]||printf . >$_etf_d/t
}}
_etf_send(){{
case $_etf_l in [0-9]|[1-3][0-9])case $_etf_r in [!0-9]*);;*)[ -s $_etf_d/e$_etf_n ]||_etf_short&&return;;esac;esac
_etf_again
}}
_etf_short(){{
_etf_v= _etf_t=
while IFS= read -r _etf_k;do _etf_v=$_etf_v$_etf_k'
';done<$_etf_d/o$_etf_n
_etf_v=$_etf_v$_etf_k
[ ${{#_etf_v}} = $_etf_l ]||return
_etf_k=$_etf_v;set --
while [ "$_etf_k" ];do set -- "$@" "'$_etf_k";_etf_k=${{_etf_k#?}} _etf_t="$_etf_t %d";done
printf "\036$_etf_s.$_etf_n $_etf_r $_etf_l {_STATUS}$_etf_t:%s\037\n" "$@" "$_etf_v"
}}
_etf_again(){{
_etf_z=64 _etf_k=
[ ! -s $_etf_d/o$_etf_n ]||_etf_k=o
[ ! -s $_etf_d/e$_etf_n ]||_etf_k=${{_etf_k}}e
_etf_w="$_etf_s.$_etf_n $_etf_r -$_etf_k"
printf "\036$_etf_w $(printf %s "$_etf_w"|md5sum)\037\n"
case $_etf_k in o*)_etf_get o 0 {FIRST_KIB} $_etf_n;;esac
case $_etf_k in *e)_etf_get e 0 {FIRST_KIB} $_etf_n;;esac
}}
_etf_get(){{
[ "$4" = $_etf_n ]||return
_etf_w="$_etf_s.$_etf_n $1 $2 $3" _etf_k="dd if=$_etf_d/$1$_etf_n bs=1024 skip=$2 count=$3"
printf "\036$_etf_w\n";$_etf_k 2>/dev/null|base64
printf '%s\037\n' "$({{ printf "$_etf_w ";$_etf_k 2>/dev/null;}}|md5sum)"
}}
PS1='@RS@@US@$ ' PS2='@RS@+@US@'
printf '\036@SESSION@.ready\037\n'
"""


def library(session: int) -> bytes:
    """Return what the shell has to read once, with a new number for each session."""
    old = " ".join(f"{place}/.etf-*-*" for place in PLACES.split())
    text = _LIBRARY.replace("@SESSION@", str(session)).replace("@OLD@", old)
    return text.replace("@RS@", "\x1e").replace("@US@", "\x1f").lstrip().encode()

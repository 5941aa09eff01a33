# A board's user land in namespaces of its own, run by userland.py, which tells why. In two steps:
#   outer PLACE DISK    as this machine's root, in a mount namespace: the board's root file system, over a disk image
#   inner PLACE …       as the root of a user namespace: what runs in it
# Nothing that is mounted here is seen outside, and all of it goes when the last process of the namespaces has gone.
# Ends when its standard input does.
set -eu
step=$1 place=$2 root=$2/root
shift 2

case $step in
outer)
    disk=$1
    mount -t tmpfs -o mode=755 board "$place"
    mkdir "$place/disk" "$place/upper" "$place/work" "$root"
    mount -o loop,ro,offset=1048576 "$disk" "$place/disk"
    mount -t overlay -o "lowerdir=$place/disk,upperdir=$place/upper,workdir=$place/work" board "$root"
    mount -t tmpfs -o mode=755 run "$root/run"
    mount -t tmpfs -o mode=755 dev "$root/dev"
    mkdir "$root/run/sshd" "$root/run/lock" "$root/dev/pts" "$root/dev/shm"
    for device in null zero full random urandom tty; do
        : > "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    ln -s pts/ptmx "$root/dev/ptmx"
    shift
    # Until somebody has written its uid_map, who runs in a user namespace is nobody, and may do nothing.
    exec unshare --user --mount --pid --uts --ipc --fork --kill-child \
        sh -c 'echo unshared; read -r _; exec sh "$0" inner "$@"' "$0" "$place" "$@"
    ;;
inner)
    name=$1 cpu=$2 port=$3 seed=$4 handler=$5
    mount --rbind "$root" "$root" # what came from the outer namespace cannot become the root of this one
    cd "$root"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
    mount -t proc proc proc
    # Since Linux 6.7 a user namespace has handlers of its own; before, those of the machine serve here too.
    if mount -t binfmt_misc handlers proc/sys/fs/binfmt_misc 2>/dev/null; then
        echo "$handler" > proc/sys/fs/binfmt_misc/register
    fi
    # Root here has the number of the machine's root: the machine's settings are not for it to write.
    for settings in proc/sys proc/sysrq-trigger proc/irq proc/bus proc/fs; do
        if [ -e "$settings" ]; then
            mount --bind "$settings" "$settings"
            mount -o remount,bind,ro "$settings"
        fi
    done
    hostname "$name"
    tar -x -f "$seed"
    export QEMU_CPU="$cpu" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    pivot_root . mnt
    # From here on all programs are the board's. sshd gives a session none of its own environment.
    exec /bin/sh -euc 'umount -l /mnt
        /usr/local/sbin/first-boot
        /usr/sbin/sshd -D -e -p "$1" -o ListenAddress=127.0.0.1 -o "SetEnv=QEMU_CPU=$QEMU_CPU" < /dev/null &
        cat > /dev/null' board "$port"
    ;;
esac

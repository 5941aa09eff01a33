Raspberry Pi Bootcode

Found SD card, config.txt = 1, start.elf = 1, recovery.elf = 0, timeout = 0
Read File: config.txt, 2104 (bytes)
Read File: start.elf, 2979012 (bytes)
Read File: fixup.dat, 7303 (bytes)
%% pause 0.06
MESS:00:00:01.104113:0: brfs: File read: /mfs/sd/config.txt
MESS:00:00:01.108251:0: brfs: File read: 2104 bytes
MESS:00:00:01.212044:0: HDMI0:EDID error reading EDID block 0 attempt 0
MESS:00:00:01.341862:0: brfs: File read: /mfs/sd/cmdline.txt
MESS:00:00:01.380311:0: brfs: File read: /mfs/sd/bcm2708-rpi-zero-w.dtb
MESS:00:00:01.604552:0: Loaded overlay 'aiy-vision'
MESS:00:00:02.471209:0: brfs: File read: /mfs/sd/kernel.img
MESS:00:00:02.480120:0: uart: Set PL011 baud rate to 103448.300000 Hz
MESS:00:00:02.486311:0: uart: Baud rate change done...
%% point hang
%% pause 0.03
[    0.000000] Booting Linux on physical CPU 0x0
[    0.000000] Linux version @KERNEL@ (dom@buildbot) (gcc version 8.4.0 (Ubuntu/Linaro 8.4.0-3ubuntu1) ) @KERNEL_VERSION@
[    0.000000] CPU: ARMv6-compatible processor [410fb767] revision 7 (ARMv7), cr=00c5387d
[    0.000000] CPU: PIPT / VIPT nonaliasing data cache, VIPT nonaliasing instruction cache
[    0.000000] OF: fdt: Machine model: Raspberry Pi Zero W Rev 1.1
[    0.000000] Memory policy: Data cache writeback
[    0.000000] Kernel command line: coherent_pool=1M snd_bcm2835.enable_headphones=0 console=ttyS0,115200 console=tty1 root=PARTUUID=738a4d67-02 rootfstype=ext4 fsck.repair=yes rootwait
[    0.000000] Memory: 420588K/458752K available (8192K kernel code, 1095K rwdata, 2440K rodata)
[    0.002041] Calibrating delay loop... 697.95 BogoMIPS (lpj=3489792)
[    0.811240] bcm2835-power: Broadcom BCM2835 power domains driver
[    1.204511] 20215040.serial: ttyS0 at MMIO 0x0 (irq = 53, base_baud = 50000000) is a 16550
[    1.310122] printk: console [ttyS0] enabled
[    1.814022] mmc0: host does not support reading read-only switch, assuming write-enable
[    1.831205] mmc0: new high speed SDHC card at address aaaa
[    1.840411] mmcblk0: mmc0:aaaa SL16G 14.8 GiB
[    1.861022]  mmcblk0: p1 p2
%% point panic
[    1.971120] EXT4-fs (mmcblk0p2): mounted filesystem with ordered data mode. Opts: (null)
[    1.981402] VFS: Mounted root (ext4 filesystem) readonly on device 179:2.
[    2.004411] Freeing unused kernel memory: 472K
[    2.011502] Run /sbin/init as init process
%% pause 0.03
[    3.402118] systemd[1]: System time before build time, advancing clock.
[    3.611402] systemd[1]: systemd 241 running in system mode. (+PAM +AUDIT +SELINUX +IMA +APPARMOR +SMACK +SYSVINIT +UTMP)
[    3.640551] systemd[1]: Detected architecture arm.

Welcome to Raspbian GNU/Linux 10 (buster)!

[    3.711022] systemd[1]: Set hostname to <@HOSTNAME@>.
[  OK  ] Created slice system-getty.slice.
[  OK  ] Listening on Journal Socket.
[    5.204140] aiy-io-i2c 1-0051: Driver loaded
[    5.611844] spi_bcm2835 20204000.spi: could not get clk: -517
[    6.104220] googlevision spi0.0: Initializing
[    6.981022] googlevision spi0.0: Myriad is ready
[  OK  ] Started udev Kernel Device Manager.
[  OK  ] Reached target Local File Systems.
%% pause 0.03
[  OK  ] Started Raise network interfaces.
[  OK  ] Started dhcpcd on all interfaces.
         Starting OpenBSD Secure Shell server...
[  OK  ] Started OpenBSD Secure Shell server.
[  OK  ] Reached target Multi-User System.

%% pause 0.03
%% late
[   14.204411] brcmfmac: power management disabled
[   14.311022] IPv6: ADDRCONF(NETDEV_CHANGE): wlan0: link becomes ready

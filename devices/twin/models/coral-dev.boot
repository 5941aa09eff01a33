U-Boot SPL 2017.03.3 (Feb 07 2020 - 01:46:46)
Power on reset
Normal Boot
Trying to boot from MMC1
DDRINFO: start lpddr4 ddr init
DRAM PHY training for 3200MTS
check ddr4_pmu_train_imem code
check ddr4_pmu_train_imem code pass
Training PASS
DDRINFO:ddrphy calibration done
%% pause 0.03
NOTICE:  Configureing TZASC380
NOTICE:  BL31: v1.5(release):5b47d98
NOTICE:  BL31: Built : 01:46:30, Feb  7 2020
NOTICE:  sip svc init
%% pause 0.05


U-Boot 2017.03.3 (Feb 07 2020 - 01:46:46 +0000)

CPU:   Freescale i.MX8MQ rev2.0 1500 MHz (running at 1000 MHz)
CPU:   Commercial temperature grade (0C to 95C) at 38C
Reset cause: POR
Model: Freescale i.MX8MQ Phanbell
DRAM:  1 GiB
Board: Phanbell
MMC:   FSL_SDHC: 0, FSL_SDHC: 1
In:    serial
Out:   serial
Err:   serial
Net:   eth0: ethernet@30be0000
%% raw Hit any key to stop autoboot:  1 
%% pause 0.03
%% raw \b\b\b 0 \r\n
switch to partitions #0, OK
mmc0(part 0) is current device
4033 bytes read in 25 ms (157.2 KiB/s)
## Executing script at 43000000
15284744 bytes read in 117 ms (124.6 MiB/s)
43712 bytes read in 27 ms (1.5 MiB/s)
6094211 bytes read in 60 ms (96.9 MiB/s)
## Flattened Device Tree blob at 43200000
   Booting using the fdt blob at 0x43200000
   Loading Ramdisk to 7ba2e000, end 7bfff9c3 ... OK
   Using Device Tree in place at 0000000043200000, end 000000004320dbff

Starting kernel ...

%% point hang
%% pause 0.05
[    0.000000] Booting Linux on physical CPU 0x0
[    0.000000] Linux version @KERNEL@ (mendel@build) (gcc version 6.3.0 20170516 (Debian 6.3.0-18)) @KERNEL_VERSION@
[    0.000000] Boot CPU: AArch64 Processor [410fd034]
[    0.000000] Machine model: Freescale i.MX8MQ Phanbell
[    0.000000] earlycon: ec_imx6q0 at MMIO 0x0000000030860000 (options '115200')
[    0.000000] psci: PSCIv1.0 detected in firmware.
[    0.000000] Kernel command line: console=ttymxc0,115200 console=tty0 earlycon=ec_imx6q,0x30860000,115200 root=PARTUUID=70672ec3-5eee-49ff-b3b1-eb1fbd406bf5 rootfstype=ext4 rw rootwait init=/sbin/init
[    0.000000] Memory: 945280K/1010688K available (10748K kernel code, 1142K rwdata, 3672K rodata)
[    0.086211] SMP: Total of 4 processors activated.
[    0.702144] 30860000.serial: ttymxc0 at MMIO 0x30860000 (irq = 43, base_baud = 1562500) is a IMX
[    0.711022] console [ttymxc0] enabled
[    1.204561] mmc0: new HS400 MMC card at address 0001
[    1.209811] mmcblk0: mmc0:0001 8GTF4R 7.28 GiB
[    1.219440]  mmcblk0: p1 p2 p3 p4
[    1.402144] imx-cpufreq-dt: registered
[    1.622120] fec 30be0000.ethernet eth0: registered PHC device 0
%% point panic
[    1.811402] Freeing unused kernel memory: 1344K
[    1.822140] Loading, please wait...
[    2.104501] EXT4-fs (mmcblk0p3): mounted filesystem with ordered data mode. Opts: (null)
Begin: Running /scripts/init-bottom ... done.
%% pause 0.06
[    2.611402] systemd[1]: systemd 239 running in system mode. (+PAM +AUDIT +SELINUX +IMA +APPARMOR +SMACK +SYSVINIT +UTMP)
[    2.631144] systemd[1]: Detected architecture arm64.

Welcome to Mendel GNU/Linux 4 (Day)!

[    2.701202] systemd[1]: Set hostname to <@HOSTNAME@>.
[  OK  ] Created slice system-getty.slice.
[  OK  ] Listening on Journal Socket.
[    3.004411] gasket: loading out-of-tree module taints kernel.
[    3.021210] apex 0000:01:00.0: enabling device (0000 -> 0002)
[    3.030142] apex 0000:01:00.0: Apex performance not throttled
[  OK  ] Started udev Kernel Device Manager.
[  OK  ] Reached target Local File Systems.
%% pause 0.08
[  OK  ] Started Network Manager.
         Starting OpenBSD Secure Shell server...
[  OK  ] Started OpenBSD Secure Shell server.
[  OK  ] Reached target Multi-User System.
%% pause 0.03
%% late
[    7.311402] IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready
[    7.402217] random: crng init done

[0000.244] I> Welcome to MB2(TBoot-BPMP)(version: 01.00.160913-t186-M-00.00-mobile-twin)
[0000.253] I> bit@40000000
[0000.256] I> Boot-device: eMMC
[0000.261] I> sdmmc bdev is already initialized
[0000.268] I> pmic: reset reason (nverc)        : 0x0
[0000.275] I> Found 19 partitions in SDMMC_BOOT (instance 3)
[0000.284] I> Found 33 partitions in SDMMC_USER (instance 3)
[0000.320] I> decompressor handler not found
[0000.331] I> A/B: bin_type (16) slot 0
[0000.335] I> Loading partition bpmp-fw at 0xd7800000 from device(0x1)
[0000.361] I> Loading partition bpmp-fw-dtb at 0xd79f0000 from device(0x1)
%% pause 0.03
[0000.402] I> Welcome to TBoot-CPU Bootloader
[0000.409] I> Cboot Version: t186-twin
[0000.431] I> Loading kernel-bootctrl from partition
[0000.447] I> Loading U-Boot at 0x80080000
%% pause 0.03


U-Boot 2020.04-g4335beb (Jul 26 2021 - 12:08:44 -0700)

SoC: tegra186
Model: NVIDIA P2771-0000-500
Board: NVIDIA P2771-0000
DRAM:  7.8 GiB
MMC:   sdhci@3400000: 1, sdhci@3460000: 0
Loading Environment from MMC... *** Warning - bad CRC, using default environment

In:    serial
Out:   serial
Err:   serial
Net:   No ethernet found.
%% raw Hit any key to stop autoboot:  2 
%% pause 0.06
%% raw \b\b\b 1 
%% pause 0.06
%% raw \b\b\b 0 \r\n
switch to partitions #0, OK
mmc0(part 0) is current device
Scanning mmc 0:1...
Found /boot/extlinux/extlinux.conf
Retrieving file: /boot/extlinux/extlinux.conf
866 bytes read in 10 ms (84 KiB/s)
1:	primary kernel
Retrieving file: /boot/initrd
7159871 bytes read in 171 ms (39.9 MiB/s)
Retrieving file: /boot/Image
34490376 bytes read in 790 ms (41.6 MiB/s)
append: console=ttyS0,115200 root=/dev/mmcblk0p1 rw rootwait rootfstype=ext4 net.ifnames=0 sdhci_tegra.en_boot_part_access=1
## Flattened Device Tree blob at 88400000
   Booting using the fdt blob at 0x88400000
   Using Device Tree in place at 0000000088400000, end 0000000088466fff
copying carveout for /host1x@13e00000/display-hub@15200000/display@15200000...

Starting kernel ...

%% point hang
%% pause 0.05
[    0.000000] Booting Linux on physical CPU 0x100
[    0.000000] Linux version @KERNEL@ (build@host) (gcc version 7.3.1 20180425 [linaro-7.3-2018.05] (Linaro GCC 7.3-2018.05) ) @KERNEL_VERSION@
[    0.000000] Boot CPU: AArch64 Processor [411fd073]
[    0.000000] OF: fdt:memory scan node memory@80000000, reg size 48,
[    0.000000] earlycon: uart8250 at MMIO32 0x0000000003100000 (options '')
[    0.000000] psci: PSCIv1.0 detected in firmware.
[    0.000000] Kernel command line: console=ttyS0,115200 root=/dev/mmcblk0p1 rw rootwait rootfstype=ext4
[    0.000000] Memory: 7882164K/8214528K available (15294K kernel code, 2980K rwdata, 6632K rodata)
[    0.212016] CPU features: enabled workaround for ARM erratum 832075
[    0.264113] SMP: Total of 6 processors activated.
[    0.318211] DTS File Name: tegra186-quill-p3310-1000-c03-00-base.dts
[    0.842104] tegra-pmc c360000.pmc: scratch reg offset dts data not present
[    1.104518] 3100000.serial: ttyS0 at MMIO 0x3100000 (irq = 36, base_baud = 25500000) is a Tegra
[    1.120402] console [ttyS0] enabled
[    1.481202] ina3221x 0-0040: Driver probed
[    1.486371] ina3221x 0-0041: Driver probed
[    2.011405] mmc0: new HS400 MMC card at address 0001
[    2.016380] mmcblk0: mmc0:0001 032G34 29.1 GiB
[    2.041822]  mmcblk0: p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12 p13 p14 p15 p16 p17 p18 p19 p20 p21 p22 p23 p24 p25 p26 p27 p28 p29 p30 p31 p32 p33
[    2.204011] gp10b 17000000.gp10b: FUSE.GPU_DISABLE not set
[    2.811420] eth0: NVIDIA EQOS: 10/100/1000 Mbps
%% point panic
[    2.941502] Freeing unused kernel memory: 6528K
[    2.962210] Run /init as init process
[    2.977141] Root device found: mmcblk0p1
[    3.101228] EXT4-fs (mmcblk0p1): mounted filesystem with ordered data mode. Opts: (null)
[    3.114001] Rootfs mounted over mmcblk0p1
[    3.120441] Switching from initrd to actual rootfs
%% pause 0.06
[    3.611809] systemd[1]: systemd 237 running in system mode. (+PAM +AUDIT +SELINUX +IMA +APPARMOR +SMACK +SYSVINIT +UTMP)
[    3.631022] systemd[1]: Detected architecture arm64.

Welcome to Ubuntu 18.04.5 LTS!

[    3.701144] systemd[1]: Set hostname to <@HOSTNAME@>.
[  OK  ] Created slice System Slice.
[  OK  ] Listening on Journal Socket.
[  OK  ] Mounted Kernel Debug File System.
[  OK  ] Started Load Kernel Modules.
[  OK  ] Reached target Local File Systems.
%% pause 0.06
[  OK  ] Started nvpmodel service.
[  OK  ] Started Network Manager.
         Starting OpenBSD Secure Shell server...
[  OK  ] Started OpenBSD Secure Shell server.
[  OK  ] Reached target Multi-User System.
         Starting Update UTMP about System Runlevel Changes...
%% pause 0.03
%% late
[    9.814402] random: crng init done
[    9.820551] eqos 2490000.ether_qos eth0: Link is Up - 1Gbps/Full - flow control off

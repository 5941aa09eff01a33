Version 2.18.1263. Copyright (C) 2020 American Megatrends, Inc.
BIOS Date: 11/04/2020 10:21:36 Ver: PX30R110
Press <DEL> or <ESC> to enter setup.
Intel(R) Atom(TM) Processor E3930 @ 1.30GHz
DRAM Frequency: 1866 MHz  Total Memory: 8192 MB
USB Devices total: 1 KBD, 0 Mouse, 0 MASS, 1 Hubs
%% pause 0.12
Welcome to GRUB!

error: no suitable video mode found.
                             GNU GRUB  version 2.06-3~deb11u5

  Booting `Debian GNU/Linux'

Loading Linux @KERNEL@ ...
Loading initial ramdisk ...
%% point hang
%% pause 0.03
[    0.000000] Linux version @KERNEL@ (debian-kernel@lists.debian.org) (gcc-10 (Debian 10.2.1-6) 10.2.1 20210110, GNU ld (GNU Binutils for Debian) 2.35.2) @KERNEL_VERSION@
[    0.000000] Command line: BOOT_IMAGE=/boot/vmlinuz-@KERNEL@ root=UUID=5c1d7c37-95c7-4a7c-9d2e-0d6c1c2b43aa ro console=tty0 console=ttyS0,115200n8
[    0.000000] BIOS-provided physical RAM map:
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000003efff] usable
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000000fffffff] usable
[    0.000000] BIOS-e820: [mem 0x0000000012151000-0x0000000077d36fff] usable
[    0.000000] efi: EFI v2.50 by American Megatrends
[    0.000000] SMBIOS 3.0.0 present.
[    0.000000] tsc: Detected 1300.000 MHz processor
[    0.014022] ACPI: Early table checksum verification disabled
[    0.061402] Memory: 7862148K/8203164K available (14345K kernel code, 2310K rwdata, 5568K rodata)
[    0.204411] smpboot: CPU0: Intel(R) Atom(TM) Processor E3930 @ 1.30GHz (family: 0x6, model: 0x5c, stepping: 0x9)
[    0.231140] smp: Brought up 1 node, 2 CPUs
[    0.611402] Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled
[    0.632210] 00:01: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A
[    0.811402] intel_pstate: Intel P-state driver initializing
[    1.104022] ahci 0000:00:12.0: AHCI 0001.0301 32 slots 2 ports 6 Gbps 0x3 impl SATA mode
[    1.411144] ata1.00: ATA-10: TS64GMTS400, P1225CH1, max UDMA/133
[    1.431022] sd 0:0:0:0: [sda] Attached SCSI disk
%% point panic
[    1.511402] Freeing unused kernel image (initmem) memory: 2412K
[    1.522018] Run /init as init process
Loading, please wait...
Starting version 247.3-7+deb11u4
Begin: Mounting root file system ... [    1.902114] EXT4-fs (sda2): mounted filesystem with ordered data mode. Opts: (null)
done.
Begin: Running /scripts/init-bottom ... done.
%% pause 0.08
[    2.304411] systemd[1]: systemd 247.3-7+deb11u4 running in system mode. (+PAM +AUDIT +SELINUX +IMA +APPARMOR +SMACK +SYSVINIT +UTMP)
[    2.331022] systemd[1]: Detected architecture x86-64.

Welcome to Debian GNU/Linux 11 (bullseye)!

[    2.402110] systemd[1]: Set hostname to <@HOSTNAME@>.
[  OK  ] Created slice system-getty.slice.
[  OK  ] Listening on Journal Socket.
[    2.911402] intel_rapl_common: Found RAPL domain package
[    3.004511] i915 0000:00:02.0: [drm] VT-d active for gfx access
[  OK  ] Started Rule-based Manager for Device Events and Files.
[  OK  ] Reached target Local File Systems.
%% pause 0.08
[  OK  ] Finished Raise network interfaces.
         Starting OpenBSD Secure Shell server...
[  OK  ] Started OpenBSD Secure Shell server.
[  OK  ] Reached target Multi-User System.
%% pause 0.03
%% late
[    6.204022] igb 0000:01:00.0 enp1s0: igb: enp1s0 NIC Link is Up 1000 Mbps Full Duplex, Flow Control: RX/TX
[    6.311402] random: crng init done

// What the C library and the kernel call by number, and how their structures lie in memory, in one place.
//
// Sources, by the name of what they are about:
// - man 2 socket, bind, listen, accept4, connect, recv, send, recvmmsg, sendmmsg, getsockopt, shutdown, fcntl, eventfd
// - man 7 socket, ip, ipv6, tcp, udp, unix, epoll; man 2 epoll_ctl; man 2 poll; man 3 errno
// - Linux headers: asm-generic/errno-base.h, asm-generic/errno.h, asm-generic/socket.h, asm-generic/fcntl.h, linux/in.h,
//   linux/in6.h, linux/tcp.h, linux/udp.h, linux/un.h, linux/eventpoll.h, linux/socket.h
//
// x86-64 and arm64 both use the kernel's generic numbers, and put the least significant byte first. The one difference
// among all that is used here: struct epoll_event is packed on x86-64 only (linux/eventpoll.h, EPOLL_PACKED).
//
// What can be, is checked when the library is opened: see check_abi.ts.

/** The processors that this engine knows. */
export const PROCESSORS: readonly string[] = ["x86_64", "aarch64"];

/** Families of addresses (linux/socket.h). */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** Kinds of sockets, and what may be added to them (man 2 socket). */
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

/** Flags of recv and send (linux/socket.h). */
export const MSG_OOB = 0x1;
export const MSG_PEEK = 0x2;
export const MSG_CTRUNC = 0x8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_FASTOPEN = 0x20000000;

/** What shutdown ends (man 2 shutdown). */
export const SHUT_RD = 0;
export const SHUT_WR = 1;

/** Options of any socket (asm-generic/socket.h). */
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_PEERCRED = 17;
export const SO_BINDTODEVICE = 25;
export const SO_ACCEPTCONN = 30;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_MEMINFO = 55;
export const SO_RXQ_OVFL = 40;

/** Options of IPv4 (linux/in.h). */
export const IPPROTO_IP = 0;
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_PKTINFO = 8;
export const IP_RECVERR = 11;
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;
export const IP_ADD_SOURCE_MEMBERSHIP = 39;
export const IP_DROP_SOURCE_MEMBERSHIP = 40;

/** Options of IPv6 (linux/in6.h). */
export const IPPROTO_IPV6 = 41;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_ADD_MEMBERSHIP = 20;
export const IPV6_DROP_MEMBERSHIP = 21;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_TCLASS = 67;

/** Options of TCP (linux/tcp.h). */
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_INFO = 11;
export const TCP_USER_TIMEOUT = 18;
export const TCP_FASTOPEN = 23;
export const TCP_FASTOPEN_CONNECT = 30;

/** Options of UDP (linux/udp.h). */
export const IPPROTO_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

/** What epoll tells and takes (linux/eventpoll.h). */
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Bit 31, as a signed number. */
export const EPOLLET = 1 << 31;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CLOEXEC = SOCK_CLOEXEC;

/**
 * struct epoll_event in words of four bytes: the events, then eight bytes that are the owner's. Packed on x86-64.
 */
export const EPOLL_EVENT_WORDS = Deno.build.arch === "x86_64" ? 3 : 4;
export const EPOLL_EVENT_DATA_WORD = Deno.build.arch === "x86_64" ? 1 : 2;

/** What poll tells and takes (man 2 poll); struct pollfd: an int, then two shorts. */
export const POLLIN = 0x1;
export const POLLFD_BYTES = 8;

/** Flags of eventfd (man 2 eventfd). */
export const EFD_NONBLOCK = SOCK_NONBLOCK;
export const EFD_CLOEXEC = SOCK_CLOEXEC;

/** Commands and flags of fcntl (asm-generic/fcntl.h). */
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_DUPFD_CLOEXEC = 1030;
export const FD_CLOEXEC = 1;
export const O_NONBLOCK = SOCK_NONBLOCK;

/** Whole lengths of addresses in bytes (linux/in.h, in6.h, un.h). */
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;
export const SOCKADDR_UN_BYTES = 110;
/** Room for any address (linux/socket.h, struct __kernel_sockaddr_storage). */
export const SOCKADDR_BYTES = 128;

/** struct linger: two ints, whether and for how many seconds (man 7 socket). */
export const LINGER_BYTES = 8;

/** struct iovec: a pointer and a length (man 3 iovec). */
export const IOVEC_BYTES = 16;
/**
 * struct msghdr as it lies in memory (man 2 recvmsg), by offset: a name and its length, an iovec and how many, control
 * data and its length, flags.
 */
export const MSGHDR_BYTES = 56;
export const MSG_NAME = 0;
export const MSG_NAMELEN = 8;
export const MSG_IOV = 16;
export const MSG_IOVLEN = 24;
export const MSG_CONTROL = 32;
export const MSG_CONTROLLEN = 40;
export const MSG_FLAGS = 48;
/** struct mmsghdr (man 2 recvmmsg): a msghdr, how many bytes came or went, padding. */
export const MMSGHDR_BYTES = 64;
export const MSG_LEN = 56;
/** struct addrinfo (man 3 getaddrinfo), by offset. */
export const ADDRINFO_BYTES = 48;
export const AI_FAMILY = 4;
export const AI_SOCKTYPE = 8;
export const AI_ADDRLEN = 16;
export const AI_ADDR = 24;
export const AI_NEXT = 40;
/** struct cmsghdr (man 3 cmsg): a length of eight bytes that counts itself, the level, the kind; then data. */
export const CMSGHDR_BYTES = 16;

// Which options there are.

package sockopt

import "golang.org/x/sys/unix"

// Class is what is done about an option.
type Class int

const (
	// Kept is read, and set again where it differs from a new socket's.
	Kept Class = iota
	// Late is kept, and set when all else is done.
	Late
	// Refused is read; a socket where it differs can't be put back.
	Refused
	// Derived follows from other state, which is kept: what socket(2) was told,
	// addresses, whether it listens, another option.
	Derived
	// Report says something about the past or the present of a connection, and
	// does not decide what will be.
	Report
	// Action is no state: setting it does something, at once.
	Action
	// Unread is state that no call reads. It is lost.
	Unread
	// Apart is kept or refused by code of its own.
	Apart
)

// Option is one that the kernel knows. Why says why it is in its class, where
// the name does not.
type Option struct {
	Level, Name int
	Class       Class
	Title       string
	Why         string
}

// Numbers that are newer than those of package unix: include/uapi/asm-generic/
// socket.h, include/uapi/linux/{in,in6,tcp,udp}.h of Linux 6.18.
const (
	soTimestampNew, soTimestampNSNew, soTimestampingNew = 63, 64, 65
	soRcvTimeoNew, soSndTimeoNew                        = 66, 67
	soRcvPriority, soPassRights, soInq                  = 82, 83, 84

	ipProtocol, ipLocalPortRange = 52, 51
	ipRecvErrRFC4884             = 26

	ipv6Multicast, ipv6RouterAlertIsolate, ipv6RecvErrRFC4884 = 29, 30, 31
	ipv6FlowinfoSend, ipv6Flowinfo, ipv6FlowlabelMgr          = 33, 11, 32
	ipv62292PktInfo, ipv62292HopOpts, ipv62292DstOpts         = 2, 3, 4
	ipv62292RtHdr, ipv62292PktOptions, ipv62292HopLimit       = 5, 6, 8
	ipv6MinHopCount                                           = 73

	tcpAOInfo, tcpIsMPTCP                   = 40, 43
	tcpRTOMax, tcpRTOMin, tcpDelackMax      = 44, 45, 46
	tcpFastopenKey, tcpInq, tcpTxDelay      = 33, 36, 37
	solMPTCP, udpliteSend, udpliteRecv      = 284, 10, 11
	udpNoCheck6Tx, udpNoCheck6Rx            = 101, 102
	mcastMSFilter, ipMSFilter, ipMTU, ipPKT = 48, 41, 14, 9
)

// Table is in the order in which options have to be set: IP_TOS sets
// SO_PRIORITY too; of the time stamps, the new ones say of all that they are.
var Table = []Option{
	{unix.IPPROTO_IP, unix.IP_TOS, Kept, "IP_TOS", ""},
	{unix.IPPROTO_IP, unix.IP_TTL, Kept, "IP_TTL", ""},
	{unix.IPPROTO_IP, unix.IP_HDRINCL, Derived, "IP_HDRINCL", "for raw sockets, which are refused"},
	{unix.IPPROTO_IP, unix.IP_OPTIONS, Kept, "IP_OPTIONS", ""},
	{unix.IPPROTO_IP, unix.IP_ROUTER_ALERT, Derived, "IP_ROUTER_ALERT", "for raw sockets, which are refused"},
	{unix.IPPROTO_IP, unix.IP_RECVOPTS, Kept, "IP_RECVOPTS", ""},
	{unix.IPPROTO_IP, unix.IP_RETOPTS, Kept, "IP_RETOPTS", ""},
	{unix.IPPROTO_IP, unix.IP_PKTINFO, Kept, "IP_PKTINFO", ""},
	{unix.IPPROTO_IP, ipPKT, Report, "IP_PKTOPTIONS", ""},
	{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, Kept, "IP_MTU_DISCOVER", ""},
	{unix.IPPROTO_IP, unix.IP_RECVERR, Kept, "IP_RECVERR", ""},
	{unix.IPPROTO_IP, unix.IP_RECVTTL, Kept, "IP_RECVTTL", ""},
	{unix.IPPROTO_IP, unix.IP_RECVTOS, Kept, "IP_RECVTOS", ""},
	{unix.IPPROTO_IP, ipMTU, Report, "IP_MTU", ""},
	{unix.IPPROTO_IP, unix.IP_FREEBIND, Kept, "IP_FREEBIND", ""},
	{unix.IPPROTO_IP, unix.IP_IPSEC_POLICY, Unread, "IP_IPSEC_POLICY", ""},
	{unix.IPPROTO_IP, unix.IP_XFRM_POLICY, Unread, "IP_XFRM_POLICY", ""},
	{unix.IPPROTO_IP, unix.IP_PASSSEC, Kept, "IP_PASSSEC", ""},
	{unix.IPPROTO_IP, unix.IP_TRANSPARENT, Kept, "IP_TRANSPARENT", ""},
	{unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR, Kept, "IP_RECVORIGDSTADDR", ""},
	{unix.IPPROTO_IP, unix.IP_MINTTL, Kept, "IP_MINTTL", ""},
	{unix.IPPROTO_IP, unix.IP_NODEFRAG, Derived, "IP_NODEFRAG", "for raw sockets, which are refused"},
	{unix.IPPROTO_IP, unix.IP_CHECKSUM, Kept, "IP_CHECKSUM", ""},
	{unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, Kept, "IP_BIND_ADDRESS_NO_PORT", ""},
	{unix.IPPROTO_IP, unix.IP_RECVFRAGSIZE, Kept, "IP_RECVFRAGSIZE", ""},
	{unix.IPPROTO_IP, ipRecvErrRFC4884, Kept, "IP_RECVERR_RFC4884", ""},
	{unix.IPPROTO_IP, unix.IP_MULTICAST_IF, Kept, "IP_MULTICAST_IF", "the address; an interface that was chosen by number is Unread"},
	{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, Kept, "IP_MULTICAST_TTL", ""},
	{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, Kept, "IP_MULTICAST_LOOP", ""},
	{unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, Apart, "IP_ADD_MEMBERSHIP", ""},
	{unix.IPPROTO_IP, unix.IP_DROP_MEMBERSHIP, Action, "IP_DROP_MEMBERSHIP", ""},
	{unix.IPPROTO_IP, unix.IP_UNBLOCK_SOURCE, Action, "IP_UNBLOCK_SOURCE", ""},
	{unix.IPPROTO_IP, unix.IP_BLOCK_SOURCE, Apart, "IP_BLOCK_SOURCE", ""},
	{unix.IPPROTO_IP, unix.IP_ADD_SOURCE_MEMBERSHIP, Apart, "IP_ADD_SOURCE_MEMBERSHIP", ""},
	{unix.IPPROTO_IP, unix.IP_DROP_SOURCE_MEMBERSHIP, Action, "IP_DROP_SOURCE_MEMBERSHIP", ""},
	{unix.IPPROTO_IP, ipMSFilter, Apart, "IP_MSFILTER", ""},
	{unix.IPPROTO_IP, unix.MCAST_JOIN_GROUP, Apart, "MCAST_JOIN_GROUP", ""},
	{unix.IPPROTO_IP, unix.MCAST_BLOCK_SOURCE, Apart, "MCAST_BLOCK_SOURCE", ""},
	{unix.IPPROTO_IP, unix.MCAST_UNBLOCK_SOURCE, Action, "MCAST_UNBLOCK_SOURCE", ""},
	{unix.IPPROTO_IP, unix.MCAST_LEAVE_GROUP, Action, "MCAST_LEAVE_GROUP", ""},
	{unix.IPPROTO_IP, unix.MCAST_JOIN_SOURCE_GROUP, Apart, "MCAST_JOIN_SOURCE_GROUP", ""},
	{unix.IPPROTO_IP, unix.MCAST_LEAVE_SOURCE_GROUP, Action, "MCAST_LEAVE_SOURCE_GROUP", ""},
	{unix.IPPROTO_IP, mcastMSFilter, Apart, "MCAST_MSFILTER", ""},
	{unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, Kept, "IP_MULTICAST_ALL", ""},
	{unix.IPPROTO_IP, unix.IP_UNICAST_IF, Kept, "IP_UNICAST_IF", ""},
	{unix.IPPROTO_IP, ipLocalPortRange, Kept, "IP_LOCAL_PORT_RANGE", ""},
	{unix.IPPROTO_IP, ipProtocol, Derived, "IP_PROTOCOL", ""},

	{unix.IPPROTO_IPV6, unix.IPV6_ADDRFORM, Action, "IPV6_ADDRFORM", ""},
	{unix.IPPROTO_IPV6, ipv62292PktInfo, Kept, "IPV6_2292PKTINFO", ""},
	{unix.IPPROTO_IPV6, ipv62292HopOpts, Kept, "IPV6_2292HOPOPTS", ""},
	{unix.IPPROTO_IPV6, ipv62292DstOpts, Kept, "IPV6_2292DSTOPTS", ""},
	{unix.IPPROTO_IPV6, ipv62292RtHdr, Kept, "IPV6_2292RTHDR", ""},
	{unix.IPPROTO_IPV6, ipv62292PktOptions, Report, "IPV6_2292PKTOPTIONS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, Derived, "IPV6_CHECKSUM", "for raw sockets, which are refused"},
	{unix.IPPROTO_IPV6, ipv62292HopLimit, Kept, "IPV6_2292HOPLIMIT", ""},
	{unix.IPPROTO_IPV6, ipv6Flowinfo, Kept, "IPV6_FLOWINFO", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, Kept, "IPV6_UNICAST_HOPS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, Kept, "IPV6_MULTICAST_IF", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, Kept, "IPV6_MULTICAST_HOPS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, Kept, "IPV6_MULTICAST_LOOP", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_ADD_MEMBERSHIP, Apart, "IPV6_ADD_MEMBERSHIP", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_DROP_MEMBERSHIP, Action, "IPV6_DROP_MEMBERSHIP", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_ROUTER_ALERT, Derived, "IPV6_ROUTER_ALERT", "for raw sockets, which are refused"},
	{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, Kept, "IPV6_MTU_DISCOVER", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_MTU, Unread, "IPV6_MTU", "reading it tells what the path has"},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, Kept, "IPV6_RECVERR", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, Kept, "IPV6_V6ONLY", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_JOIN_ANYCAST, Unread, "IPV6_JOIN_ANYCAST", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_LEAVE_ANYCAST, Action, "IPV6_LEAVE_ANYCAST", ""},
	{unix.IPPROTO_IPV6, ipv6Multicast, Kept, "IPV6_MULTICAST_ALL", ""},
	{unix.IPPROTO_IPV6, ipv6RouterAlertIsolate, Kept, "IPV6_ROUTER_ALERT_ISOLATE", ""},
	{unix.IPPROTO_IPV6, ipv6RecvErrRFC4884, Kept, "IPV6_RECVERR_RFC4884", ""},
	{unix.IPPROTO_IPV6, ipv6FlowlabelMgr, Unread, "IPV6_FLOWLABEL_MGR", "it answers only about a label that is known"},
	{unix.IPPROTO_IPV6, ipv6FlowinfoSend, Kept, "IPV6_FLOWINFO_SEND", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_IPSEC_POLICY, Unread, "IPV6_IPSEC_POLICY", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_XFRM_POLICY, Unread, "IPV6_XFRM_POLICY", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_HDRINCL, Derived, "IPV6_HDRINCL", "for raw sockets, which are refused"},
	{unix.IPPROTO_IPV6, unix.MCAST_JOIN_GROUP, Apart, "MCAST_JOIN_GROUP", ""},
	{unix.IPPROTO_IPV6, unix.MCAST_BLOCK_SOURCE, Apart, "MCAST_BLOCK_SOURCE", ""},
	{unix.IPPROTO_IPV6, unix.MCAST_UNBLOCK_SOURCE, Action, "MCAST_UNBLOCK_SOURCE", ""},
	{unix.IPPROTO_IPV6, unix.MCAST_LEAVE_GROUP, Action, "MCAST_LEAVE_GROUP", ""},
	{unix.IPPROTO_IPV6, unix.MCAST_JOIN_SOURCE_GROUP, Apart, "MCAST_JOIN_SOURCE_GROUP", ""},
	{unix.IPPROTO_IPV6, unix.MCAST_LEAVE_SOURCE_GROUP, Action, "MCAST_LEAVE_SOURCE_GROUP", ""},
	{unix.IPPROTO_IPV6, mcastMSFilter, Apart, "MCAST_MSFILTER", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, Kept, "IPV6_RECVPKTINFO", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, Unread, "IPV6_PKTINFO", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, Kept, "IPV6_RECVHOPLIMIT", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPOPTS, Kept, "IPV6_RECVHOPOPTS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, Kept, "IPV6_HOPOPTS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RTHDRDSTOPTS, Kept, "IPV6_RTHDRDSTOPTS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVRTHDR, Kept, "IPV6_RECVRTHDR", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RTHDR, Kept, "IPV6_RTHDR", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVDSTOPTS, Kept, "IPV6_RECVDSTOPTS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, Kept, "IPV6_DSTOPTS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVPATHMTU, Kept, "IPV6_RECVPATHMTU", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_PATHMTU, Report, "IPV6_PATHMTU", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, Kept, "IPV6_DONTFRAG", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, Kept, "IPV6_RECVTCLASS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, Kept, "IPV6_TCLASS", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_AUTOFLOWLABEL, Kept, "IPV6_AUTOFLOWLABEL", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_ADDR_PREFERENCES, Kept, "IPV6_ADDR_PREFERENCES", ""},
	{unix.IPPROTO_IPV6, ipv6MinHopCount, Kept, "IPV6_MINHOPCOUNT", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_ORIGDSTADDR, Kept, "IPV6_RECVORIGDSTADDR", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT, Kept, "IPV6_TRANSPARENT", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_IF, Kept, "IPV6_UNICAST_IF", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVFRAGSIZE, Kept, "IPV6_RECVFRAGSIZE", ""},
	{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, Kept, "IPV6_FREEBIND", ""},

	{unix.IPPROTO_TCP, unix.TCP_NODELAY, Kept, "TCP_NODELAY", ""},
	{unix.IPPROTO_TCP, unix.TCP_MAXSEG, Kept, "TCP_MAXSEG", ""},
	{unix.IPPROTO_TCP, unix.TCP_CORK, Kept, "TCP_CORK", ""},
	{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, Kept, "TCP_KEEPIDLE", ""},
	{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, Kept, "TCP_KEEPINTVL", ""},
	{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, Kept, "TCP_KEEPCNT", ""},
	{unix.IPPROTO_TCP, unix.TCP_SYNCNT, Kept, "TCP_SYNCNT", ""},
	{unix.IPPROTO_TCP, unix.TCP_LINGER2, Kept, "TCP_LINGER2", ""},
	{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, Kept, "TCP_DEFER_ACCEPT", ""},
	{unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, Kept, "TCP_WINDOW_CLAMP", ""},
	{unix.IPPROTO_TCP, unix.TCP_INFO, Report, "TCP_INFO", ""},
	{unix.IPPROTO_TCP, unix.TCP_QUICKACK, Kept, "TCP_QUICKACK", ""},
	{unix.IPPROTO_TCP, unix.TCP_CONGESTION, Kept, "TCP_CONGESTION", ""},
	{unix.IPPROTO_TCP, unix.TCP_MD5SIG, Unread, "TCP_MD5SIG", "root is refused a listener or connection that has keys"},
	{unix.IPPROTO_TCP, unix.TCP_THIN_LINEAR_TIMEOUTS, Kept, "TCP_THIN_LINEAR_TIMEOUTS", ""},
	{unix.IPPROTO_TCP, unix.TCP_THIN_DUPACK, Derived, "TCP_THIN_DUPACK", "of no effect any more"},
	{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, Kept, "TCP_USER_TIMEOUT", ""},
	{unix.IPPROTO_TCP, unix.TCP_REPAIR, Refused, "TCP_REPAIR", ""},
	{unix.IPPROTO_TCP, unix.TCP_REPAIR_QUEUE, Derived, "TCP_REPAIR_QUEUE", "of TCP_REPAIR"},
	{unix.IPPROTO_TCP, unix.TCP_QUEUE_SEQ, Derived, "TCP_QUEUE_SEQ", "of TCP_REPAIR"},
	{unix.IPPROTO_TCP, unix.TCP_REPAIR_OPTIONS, Derived, "TCP_REPAIR_OPTIONS", "of TCP_REPAIR"},
	{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, Kept, "TCP_FASTOPEN", ""},
	{unix.IPPROTO_TCP, unix.TCP_TIMESTAMP, Report, "TCP_TIMESTAMP", ""},
	{unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, Kept, "TCP_NOTSENT_LOWAT", ""},
	{unix.IPPROTO_TCP, unix.TCP_CC_INFO, Report, "TCP_CC_INFO", ""},
	{unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, Kept, "TCP_SAVE_SYN", ""},
	{unix.IPPROTO_TCP, unix.TCP_SAVED_SYN, Report, "TCP_SAVED_SYN", ""},
	{unix.IPPROTO_TCP, unix.TCP_REPAIR_WINDOW, Derived, "TCP_REPAIR_WINDOW", "of TCP_REPAIR"},
	{unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, Kept, "TCP_FASTOPEN_CONNECT", ""},
	{unix.IPPROTO_TCP, unix.TCP_ULP, Refused, "TCP_ULP", ""},
	{unix.IPPROTO_TCP, unix.TCP_MD5SIG_EXT, Unread, "TCP_MD5SIG_EXT", ""},
	{unix.IPPROTO_TCP, tcpFastopenKey, Kept, "TCP_FASTOPEN_KEY", ""},
	{unix.IPPROTO_TCP, unix.TCP_FASTOPEN_NO_COOKIE, Kept, "TCP_FASTOPEN_NO_COOKIE", ""},
	{unix.IPPROTO_TCP, unix.TCP_ZEROCOPY_RECEIVE, Action, "TCP_ZEROCOPY_RECEIVE", ""},
	{unix.IPPROTO_TCP, tcpInq, Kept, "TCP_INQ", ""},
	{unix.IPPROTO_TCP, tcpTxDelay, Kept, "TCP_TX_DELAY", ""},
	{unix.IPPROTO_TCP, tcpAOInfo, Refused, "TCP_AO_INFO", ""},
	{unix.IPPROTO_TCP, tcpIsMPTCP, Derived, "TCP_IS_MPTCP", ""},
	{unix.IPPROTO_TCP, tcpRTOMax, Kept, "TCP_RTO_MAX_MS", ""},
	{unix.IPPROTO_TCP, tcpRTOMin, Kept, "TCP_RTO_MIN_US", ""},
	{unix.IPPROTO_TCP, tcpDelackMax, Kept, "TCP_DELACK_MAX_US", ""},

	{unix.IPPROTO_UDP, unix.UDP_CORK, Kept, "UDP_CORK", ""},
	{unix.IPPROTO_UDP, unix.UDP_ENCAP, Kept, "UDP_ENCAP", ""},
	{unix.IPPROTO_UDP, udpNoCheck6Tx, Kept, "UDP_NO_CHECK6_TX", ""},
	{unix.IPPROTO_UDP, udpNoCheck6Rx, Kept, "UDP_NO_CHECK6_RX", ""},
	{unix.IPPROTO_UDP, unix.UDP_SEGMENT, Kept, "UDP_SEGMENT", ""},
	{unix.IPPROTO_UDP, unix.UDP_GRO, Kept, "UDP_GRO", ""},
	{unix.IPPROTO_UDPLITE, udpliteSend, Kept, "UDPLITE_SEND_CSCOV", ""},
	{unix.IPPROTO_UDPLITE, udpliteRecv, Kept, "UDPLITE_RECV_CSCOV", ""},

	{unix.SOL_SOCKET, unix.SO_DEBUG, Kept, "SO_DEBUG", ""},
	{unix.SOL_SOCKET, unix.SO_REUSEADDR, Kept, "SO_REUSEADDR", ""},
	{unix.SOL_SOCKET, unix.SO_TYPE, Derived, "SO_TYPE", ""},
	{unix.SOL_SOCKET, unix.SO_ERROR, Apart, "SO_ERROR", "reading it clears it"},
	{unix.SOL_SOCKET, unix.SO_DONTROUTE, Kept, "SO_DONTROUTE", ""},
	{unix.SOL_SOCKET, unix.SO_BROADCAST, Kept, "SO_BROADCAST", ""},
	{unix.SOL_SOCKET, unix.SO_SNDBUF, Kept, "SO_SNDBUF", ""},
	{unix.SOL_SOCKET, unix.SO_RCVBUF, Kept, "SO_RCVBUF", ""},
	{unix.SOL_SOCKET, unix.SO_BUF_LOCK, Kept, "SO_BUF_LOCK", ""},
	{unix.SOL_SOCKET, unix.SO_KEEPALIVE, Kept, "SO_KEEPALIVE", ""},
	{unix.SOL_SOCKET, unix.SO_OOBINLINE, Kept, "SO_OOBINLINE", ""},
	{unix.SOL_SOCKET, unix.SO_NO_CHECK, Kept, "SO_NO_CHECK", ""},
	{unix.SOL_SOCKET, unix.SO_PRIORITY, Kept, "SO_PRIORITY", ""},
	{unix.SOL_SOCKET, unix.SO_LINGER, Kept, "SO_LINGER", ""},
	{unix.SOL_SOCKET, unix.SO_BSDCOMPAT, Derived, "SO_BSDCOMPAT", "of no effect any more"},
	{unix.SOL_SOCKET, unix.SO_REUSEPORT, Kept, "SO_REUSEPORT", ""},
	{unix.SOL_SOCKET, unix.SO_PEERCRED, Apart, "SO_PEERCRED", "it is who made the connection"},
	{unix.SOL_SOCKET, unix.SO_RCVLOWAT, Kept, "SO_RCVLOWAT", ""},
	{unix.SOL_SOCKET, unix.SO_SNDLOWAT, Derived, "SO_SNDLOWAT", "always 1"},
	{unix.SOL_SOCKET, unix.SO_RCVTIMEO, Kept, "SO_RCVTIMEO", ""},
	{unix.SOL_SOCKET, unix.SO_SNDTIMEO, Kept, "SO_SNDTIMEO", ""},
	{unix.SOL_SOCKET, unix.SO_BINDTODEVICE, Kept, "SO_BINDTODEVICE", ""},
	{unix.SOL_SOCKET, unix.SO_GET_FILTER, Kept, "SO_ATTACH_FILTER", ""},
	{unix.SOL_SOCKET, unix.SO_DETACH_FILTER, Action, "SO_DETACH_FILTER", ""},
	{unix.SOL_SOCKET, unix.SO_PEERNAME, Derived, "SO_PEERNAME", ""},
	{unix.SOL_SOCKET, unix.SO_ACCEPTCONN, Derived, "SO_ACCEPTCONN", ""},
	{unix.SOL_SOCKET, unix.SO_PEERSEC, Report, "SO_PEERSEC", ""},
	{unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, Action, "SO_SNDBUFFORCE", ""},
	{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, Action, "SO_RCVBUFFORCE", ""},
	{unix.SOL_SOCKET, unix.SO_MARK, Kept, "SO_MARK", ""},
	{unix.SOL_SOCKET, unix.SO_TIMESTAMP, Kept, "SO_TIMESTAMP", ""},
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, Kept, "SO_TIMESTAMPNS", ""},
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPING, Kept, "SO_TIMESTAMPING", ""},
	{unix.SOL_SOCKET, soTimestampNew, Kept, "SO_TIMESTAMP_NEW", ""},
	{unix.SOL_SOCKET, soTimestampNSNew, Kept, "SO_TIMESTAMPNS_NEW", ""},
	{unix.SOL_SOCKET, soTimestampingNew, Kept, "SO_TIMESTAMPING_NEW", ""},
	{unix.SOL_SOCKET, soRcvTimeoNew, Derived, "SO_RCVTIMEO_NEW", "SO_RCVTIMEO by another number"},
	{unix.SOL_SOCKET, soSndTimeoNew, Derived, "SO_SNDTIMEO_NEW", "SO_SNDTIMEO by another number"},
	{unix.SOL_SOCKET, unix.SO_PROTOCOL, Derived, "SO_PROTOCOL", ""},
	{unix.SOL_SOCKET, unix.SO_DOMAIN, Derived, "SO_DOMAIN", ""},
	{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, Kept, "SO_RXQ_OVFL", ""},
	{unix.SOL_SOCKET, unix.SO_WIFI_STATUS, Kept, "SO_WIFI_STATUS", ""},
	{unix.SOL_SOCKET, unix.SO_NOFCS, Kept, "SO_NOFCS", ""},
	{unix.SOL_SOCKET, unix.SO_SELECT_ERR_QUEUE, Kept, "SO_SELECT_ERR_QUEUE", ""},
	{unix.SOL_SOCKET, unix.SO_BUSY_POLL, Kept, "SO_BUSY_POLL", ""},
	{unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, Kept, "SO_MAX_PACING_RATE", ""},
	{unix.SOL_SOCKET, unix.SO_BPF_EXTENSIONS, Report, "SO_BPF_EXTENSIONS", ""},
	{unix.SOL_SOCKET, unix.SO_INCOMING_CPU, Kept, "SO_INCOMING_CPU", ""},
	{unix.SOL_SOCKET, unix.SO_ATTACH_BPF, Apart, "SO_ATTACH_BPF", "it is seen where SO_ATTACH_FILTER is, and refused"},
	{unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, Unread, "SO_ATTACH_REUSEPORT_CBPF", ""},
	{unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, Unread, "SO_ATTACH_REUSEPORT_EBPF", ""},
	{unix.SOL_SOCKET, unix.SO_CNX_ADVICE, Action, "SO_CNX_ADVICE", ""},
	{unix.SOL_SOCKET, unix.SO_MEMINFO, Report, "SO_MEMINFO", ""},
	{unix.SOL_SOCKET, unix.SO_INCOMING_NAPI_ID, Report, "SO_INCOMING_NAPI_ID", ""},
	{unix.SOL_SOCKET, unix.SO_COOKIE, Report, "SO_COOKIE", "the kernel's own number for a socket"},
	{unix.SOL_SOCKET, unix.SO_PEERGROUPS, Apart, "SO_PEERGROUPS", "it is who made the connection"},
	{unix.SOL_SOCKET, unix.SO_ZEROCOPY, Kept, "SO_ZEROCOPY", ""},
	{unix.SOL_SOCKET, unix.SO_TXTIME, Kept, "SO_TXTIME", ""},
	{unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, Derived, "SO_BINDTOIFINDEX", "SO_BINDTODEVICE by number"},
	{unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, Action, "SO_DETACH_REUSEPORT_BPF", ""},
	{unix.SOL_SOCKET, unix.SO_PREFER_BUSY_POLL, Kept, "SO_PREFER_BUSY_POLL", ""},
	{unix.SOL_SOCKET, unix.SO_BUSY_POLL_BUDGET, Unread, "SO_BUSY_POLL_BUDGET", ""},
	{unix.SOL_SOCKET, unix.SO_NETNS_COOKIE, Derived, "SO_NETNS_COOKIE", ""},
	{unix.SOL_SOCKET, unix.SO_RESERVE_MEM, Kept, "SO_RESERVE_MEM", ""},
	{unix.SOL_SOCKET, unix.SO_TXREHASH, Kept, "SO_TXREHASH", ""},
	{unix.SOL_SOCKET, unix.SO_RCVMARK, Kept, "SO_RCVMARK", ""},
	{unix.SOL_SOCKET, unix.SO_PEERPIDFD, Apart, "SO_PEERPIDFD", "it is who made the connection"},
	{unix.SOL_SOCKET, soRcvPriority, Kept, "SO_RCVPRIORITY", ""},
	{unix.SOL_SOCKET, soPassRights, Kept, "SO_PASSRIGHTS", ""},
	{unix.SOL_SOCKET, soInq, Kept, "SO_INQ", ""},
	// What waits in a socket came with credentials, or without.
	{unix.SOL_SOCKET, unix.SO_PASSCRED, Late, "SO_PASSCRED", ""},
	{unix.SOL_SOCKET, unix.SO_PASSSEC, Late, "SO_PASSSEC", ""},
	{unix.SOL_SOCKET, unix.SO_PASSPIDFD, Late, "SO_PASSPIDFD", ""},
	// A lock on the filter lets no other be attached.
	{unix.SOL_SOCKET, unix.SO_LOCK_FILTER, Late, "SO_LOCK_FILTER", ""},
	// Where peeking goes on moves with what is received.
	{unix.SOL_SOCKET, unix.SO_PEEK_OFF, Late, "SO_PEEK_OFF", ""},

	{solMPTCP, 1, Report, "MPTCP_INFO", ""},
	{solMPTCP, 2, Report, "MPTCP_TCPINFO", ""},
	{solMPTCP, 3, Report, "MPTCP_SUBFLOW_ADDRS", ""},
	{solMPTCP, 4, Report, "MPTCP_FULL_INFO", ""},
}

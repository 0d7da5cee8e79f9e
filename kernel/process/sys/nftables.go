// Packets that are not to leave, by nftables over netlink: include/uapi/linux/netfilter/
// nf_tables.h.

package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Way is the direction of a connection that packets go.
type Way struct{ From, To netip.AddrPort }

// Dam drops what is sent some ways. It goes with the process that made it, unless it is
// to stay.
type Dam struct{ fd int }

// DamUp makes one. What has been sent on a connection is then as if it were on the way:
// an end that acknowledges nothing loses nothing, and one that is closed says nothing.
func DamUp(name string, ways []Way, stays bool) (*Dam, error) {
	fd, err := openNftables()
	if err != nil {
		return nil, err
	}
	d := &Dam{fd}
	var b nftBatch
	for family := range families(ways) {
		b.table(family, name, stays)
		b.chain(family, name)
	}
	for _, w := range ways {
		b.drop(familyOf(w), name, w)
	}
	if err := b.send(fd); err != nil {
		return nil, errors.Join(fmt.Errorf("adding a table of nftables: %w", err), d.Close())
	}
	return d, nil
}

// Close lets everything through again, unless it is to stay.
func (d *Dam) Close() error { return unix.Close(d.fd) }

// BreakDam lets everything through again that one of that name keeps back.
func BreakDam(name string, ways []Way) error {
	fd, err := openNftables()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for family := range families(ways) {
		var b nftBatch
		b.message(family, nftDelTable, 0, attribute(1, text(name)))
		if err := b.send(fd); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("removing the table %s of nftables: %w", name, err)
		}
	}
	return nil
}

// openNftables opens a socket that has an address, which an owner of tables needs.
func openNftables() (fd int, err error) {
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return -1, fmt.Errorf("opening a socket of nftables: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return -1, errors.Join(fmt.Errorf("opening a socket of nftables: %w", err), unix.Close(fd))
	}
	return fd, nil
}

func families(ways []Way) map[uint8]bool {
	all := map[uint8]bool{}
	for _, w := range ways {
		all[familyOf(w)] = true
	}
	return all
}

func familyOf(w Way) uint8 {
	if w.From.Addr().Is4() {
		return unix.NFPROTO_IPV4
	}
	return unix.NFPROTO_IPV6
}

// The messages of nftables: enum nf_tables_msg_types.
const nftNewTable, nftDelTable, nftNewChain, nftNewRule = 0, 2, 3, 6

// nftBatch are messages that the kernel obeys together, or not at all.
type nftBatch struct {
	b     []byte
	count uint32
}

func (n *nftBatch) message(family uint8, kind, flags uint16, attributes ...[]byte) {
	const subsystem = 10 << 8 // NFNL_SUBSYS_NFTABLES
	n.append(family, subsystem|kind, flags|unix.NLM_F_ACK, 0, attributes...)
}

func (n *nftBatch) append(family uint8, kind, flags, resource uint16, attributes ...[]byte) {
	body := []byte{family, 0, byte(resource >> 8), byte(resource)} // struct nfgenmsg
	for _, a := range attributes {
		body = append(body, a...)
	}
	ne := binary.NativeEndian
	n.count++
	n.b = ne.AppendUint32(n.b, uint32(unix.SizeofNlMsghdr+len(body)))
	n.b = ne.AppendUint16(n.b, kind)
	n.b = ne.AppendUint16(n.b, flags|unix.NLM_F_REQUEST)
	n.b = ne.AppendUint32(n.b, n.count)
	n.b = ne.AppendUint32(n.b, 0)
	n.b = append(n.b, body...)
}

func (n *nftBatch) table(family uint8, name string, stays bool) {
	const owner = 1 << 1 // NFT_TABLE_F_OWNER
	flags := uint32(owner)
	if stays {
		flags = 0
	}
	n.message(family, nftNewTable, unix.NLM_F_CREATE|unix.NLM_F_EXCL, attribute(1, text(name)), attribute(2, be32(flags)))
}

func (n *nftBatch) chain(family uint8, name string) {
	const output, filter = 3, 0 // NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER
	n.message(family, nftNewChain, unix.NLM_F_CREATE, attribute(1, text(name)), attribute(3, text(chainName)),
		nested(4, attribute(1, be32(output)), attribute(2, be32(filter))), attribute(7, text("filter")))
}

const chainName = "out"

// drop is a rule for one way.
func (n *nftBatch) drop(family uint8, name string, w Way) {
	const network, transport = 1, 2 // NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER
	from, to := w.From.Addr().AsSlice(), w.To.Addr().AsSlice()
	at := uint32(12) // of the source in the header of IPv4
	if family == unix.NFPROTO_IPV6 {
		at = 8
	}
	ports := binary.BigEndian.AppendUint16(nil, w.From.Port())
	ports = binary.BigEndian.AppendUint16(ports, w.To.Port())
	const l4proto, drop = 16, 0 // NFT_META_L4PROTO, NF_DROP
	expressions := nested(4,
		expression("meta", attribute(1, be32(register)), attribute(2, be32(l4proto))), compare([]byte{unix.IPPROTO_TCP}),
		payload(network, at, len(from)), compare(from),
		payload(network, at+uint32(len(from)), len(to)), compare(to),
		payload(transport, 0, len(ports)), compare(ports),
		expression("immediate", attribute(1, be32(0)), nested(2, nested(2, attribute(1, be32(drop))))))
	n.message(family, nftNewRule, unix.NLM_F_CREATE|unix.NLM_F_APPEND, attribute(1, text(name)), attribute(2, text(chainName)), expressions)
}

// register is NFT_REG_1.
const register = 1

func payload(base, offset uint32, size int) []byte {
	return expression("payload", attribute(1, be32(register)), attribute(2, be32(base)), attribute(3, be32(offset)), attribute(4, be32(uint32(size))))
}

func compare(with []byte) []byte {
	return expression("cmp", attribute(1, be32(register)), attribute(2, be32(0)), nested(3, attribute(1, with)))
}

func expression(name string, attributes ...[]byte) []byte {
	return nested(1, attribute(1, text(name)), nested(2, attributes...))
}

func nested(kind uint16, attributes ...[]byte) []byte {
	var b []byte
	for _, a := range attributes {
		b = append(b, a...)
	}
	return attribute(kind|unix.NLA_F_NESTED, b)
}

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofNlAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%unix.NLA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

func text(s string) []byte { return append([]byte(s), 0) }
func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// send has the kernel obey, and hears what it says to each message.
func (n *nftBatch) send(fd int) error {
	const nftables, begin, end = 10, 16, 17 // NFNL_SUBSYS_NFTABLES, NFNL_MSG_BATCH_BEGIN, _END
	whole := nftBatch{}
	whole.append(unix.AF_UNSPEC, begin, 0, nftables)
	whole.b = append(whole.b, n.b...)
	whole.append(unix.AF_UNSPEC, end, 0, nftables)
	if err := unix.Sendto(fd, whole.b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for heard := uint32(0); heard < n.count; {
		size, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return err
		}
		for b := buf[:size]; len(b) >= unix.SizeofNlMsghdr+4; heard++ {
			length := min(int(binary.NativeEndian.Uint32(b)), len(b))
			if code := int32(binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:])); code != 0 {
				return unix.Errno(-code)
			}
			b = b[min((length+3)&^3, len(b)):]
		}
	}
	return nil
}

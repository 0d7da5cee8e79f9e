// Every option of every kind of socket is in the table, and comes back.

package sockopt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"snappipe/kernel/process/sys"
	"snappipe/kernel/process/world"
)

var kinds = []struct {
	name string
	world.Socket
}{
	{"unix stream", world.Socket{Family: unix.AF_UNIX, Type: unix.SOCK_STREAM}},
	{"unix datagram", world.Socket{Family: unix.AF_UNIX, Type: unix.SOCK_DGRAM}},
	{"unix packet", world.Socket{Family: unix.AF_UNIX, Type: unix.SOCK_SEQPACKET}},
	{"TCP", world.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM, Protocol: unix.IPPROTO_TCP}},
	{"TCP over IPv6", world.Socket{Family: unix.AF_INET6, Type: unix.SOCK_STREAM, Protocol: unix.IPPROTO_TCP}},
	{"MPTCP", world.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM, Protocol: unix.IPPROTO_MPTCP}},
	{"UDP", world.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_UDP}},
	{"UDP over IPv6", world.Socket{Family: unix.AF_INET6, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_UDP}},
	{"UDP-Lite", world.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Protocol: unix.IPPROTO_UDPLITE}},
}

// open makes a socket, which is closed at the end of the test.
func open(t *testing.T, s *world.Socket) int {
	t.Helper()
	fd, err := unix.Socket(s.Family, s.Type|unix.SOCK_CLOEXEC, s.Protocol)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// levels are those that options are looked for in. That of UDP-Lite is
// another name of that of UDP to sockets that are not of it.
func levels(s *world.Socket) []int {
	all := []int{unix.SOL_SOCKET, unix.IPPROTO_IP, unix.IPPROTO_IPV6, unix.IPPROTO_TCP, unix.IPPROTO_UDP, solMPTCP}
	if s.Protocol == unix.IPPROTO_UDPLITE {
		all = append(all[:4], unix.IPPROTO_UDPLITE)
	}
	return all
}

// TestComplete demands that there is no option that this kernel lets be read
// and that is not in the table: a new one has to be thought about.
func TestComplete(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			fd := open(t, &k.Socket)
			for _, level := range levels(&k.Socket) {
				for name := range 400 {
					if level == unix.IPPROTO_IP && name >= 64 || level == unix.IPPROTO_IPV6 && (name >= 64 && name < 66 || name == 68 || name == 69 || name >= 80) {
						continue // of netfilter, about its own tables
					}
					if o := find(level, name); o != nil && o.Class == Action {
						continue
					}
					_, err := new(sys.Options).Get(fd, level, name)
					if err == unix.ENOPROTOOPT || err == unix.EOPNOTSUPP || find(level, name) != nil {
						continue
					}
					if level == unix.IPPROTO_UDPLITE && find(unix.IPPROTO_UDP, name) != nil || level == unix.IPPROTO_UDP && find(unix.IPPROTO_UDPLITE, name) != nil {
						continue
					}
					t.Errorf("option %d of level %d is not in the table (%v)", name, level, err)
				}
			}
		})
	}
}

func find(level, name int) *Option {
	for i := range Table {
		if o := &Table[i]; o.Level == level && o.Name == name {
			return o
		}
	}
	return nil
}

// special are the values to try of options that take no small number.
var special = map[string][]byte{
	"IP_OPTIONS":            {1, 1, 1, 1}, // no-operation
	"IP_MULTICAST_IF":       {127, 0, 0, 1},
	"IP_UNICAST_IF":         {0, 0, 0, 1},
	"IP_LOCAL_PORT_RANGE":   {0x40, 0x9c, 0x50, 0xc3}, // 40000 to 50000
	"IPV6_RTHDRDSTOPTS":     {0, 0, 1, 4, 0, 0, 0, 0},
	"IPV6_DSTOPTS":          {0, 0, 1, 4, 0, 0, 0, 0},
	"IPV6_HOPOPTS":          {0, 0, 1, 4, 0, 0, 0, 0},
	"IPV6_UNICAST_IF":       {0, 0, 0, 1},
	"TCP_CONGESTION":        append([]byte("reno"), make([]byte, 12)...),
	"TCP_FASTOPEN_KEY":      []byte("0123456789abcdef"),
	"TCP_MAXSEG":            number(1000),
	"TCP_WINDOW_CLAMP":      number(70000),
	"TCP_DEFER_ACCEPT":      number(3),
	"TCP_USER_TIMEOUT":      number(30000),
	"TCP_RTO_MAX_MS":        number(2000),
	"TCP_RTO_MIN_US":        number(100000),
	"TCP_DELACK_MAX_US":     number(100000),
	"UDP_SEGMENT":           number(1000),
	"UDPLITE_SEND_CSCOV":    number(20),
	"UDPLITE_RECV_CSCOV":    number(20),
	"SO_LINGER":             append(number(1), number(7)...),
	"SO_SNDBUF":             number(30000),
	"SO_RCVBUF":             number(50000),
	"SO_RCVTIMEO":           binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, 3), 0),
	"SO_SNDTIMEO":           binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, 4), 0),
	"SO_BINDTODEVICE":       []byte("lo\x00"),
	"SO_MAX_PACING_RATE":    binary.NativeEndian.AppendUint64(nil, 5<<32),
	"SO_TXTIME":             append(number(unix.CLOCK_TAI), number(1)...),
	"SO_TIMESTAMPING":       number(unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE),
	"SO_TIMESTAMPING_NEW":   number(unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE),
	"IPV6_ADDR_PREFERENCES": number(0x0004), // IPV6_PREFER_SRC_COA
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

// ret is a filter that takes every packet: BPF_RET | BPF_K.
var ret = []byte{6, 0, 0, 0, 0xff, 0xff, 0, 0}

// TestRoundTrip gives a socket each option that is kept, in a value that a new
// one does not have, and wants another socket to get it.
func TestRoundTrip(t *testing.T) {
	tried := map[string]bool{}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for i := range Table {
				o := &Table[i]
				if o.Class != Kept && o.Class != Late && !o.isFilter() {
					continue
				}
				fd := open(t, &k.Socket)
				if !change(fd, o) {
					continue
				}
				tried[o.Title] = true
				roundTrip(t, fd, k.Socket, o)
			}
		})
	}
	for i := range Table {
		if o := &Table[i]; o.read() && o.Class != Refused && !tried[o.Title] {
			t.Logf("%s could not be tried", o.Title)
		}
	}
}

// change gives an option another value, if it takes one.
func change(fd int, o *Option) bool {
	before, err := o.get(fd, new(sys.Options))
	if err != nil {
		return false
	}
	var values [][]byte
	if v, ok := special[o.Title]; ok {
		values = append(values, v)
	}
	if o.isFilter() {
		values = append(values, ret)
	}
	if len(before) == 4 {
		n := binary.NativeEndian.Uint32(before)
		values = append(values, number(n^1), number(n+1), number(2))
	}
	for _, v := range values {
		if o.isFilter() {
			err = sys.AttachSocketFilter(fd, v)
		} else {
			err = sys.Setsockopt(fd, o.Level, o.Name, v)
		}
		if after, e := o.get(fd, new(sys.Options)); err == nil && e == nil && !bytes.Equal(before, after) {
			return true
		}
	}
	return false
}

func roundTrip(t *testing.T, fd int, s world.Socket, o *Option) {
	t.Helper()
	kept, refused, err := NewReader().Differences(fd, &s)
	if err != nil || len(refused) > 0 {
		t.Fatalf("%s: %v, %v", o.Title, refused, err)
	}
	s.Options = kept
	other := open(t, &s)
	failed, err := NewReader().Apply(other, &s)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(failed, Finish(other, &s)...) {
		t.Errorf("with %s: %v", o.Title, f)
	}
	for i := range Table {
		p := &Table[i]
		if !p.read() {
			continue
		}
		want, _ := p.get(fd, new(sys.Options))
		if got, _ := p.get(other, new(sys.Options)); !bytes.Equal(got, want) {
			t.Errorf("with %s: %s is %x, not %x", o.Title, p.Title, got, want)
		}
	}
}

// TestSideEffect sets one option that sets another, which was set back.
func TestSideEffect(t *testing.T) {
	s := &world.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM, Protocol: unix.IPPROTO_TCP}
	fd := open(t, s)
	for _, o := range []struct{ level, name, value int }{
		{unix.IPPROTO_IP, unix.IP_TOS, 0x10}, {unix.SOL_SOCKET, unix.SO_PRIORITY, 0},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			t.Fatal(err)
		}
	}
	roundTrip(t, fd, *s, find(unix.IPPROTO_IP, unix.IP_TOS))
}

// TestUnknown refuses an image that wants what no image of ours wants.
func TestUnknown(t *testing.T) {
	for _, o := range []world.SockOpt{{Level: unix.SOL_SOCKET, Name: unix.SO_ATTACH_BPF}, {Level: 7, Name: 7}, {Level: unix.IPPROTO_TCP, Name: unix.TCP_ULP}} {
		s := &world.Socket{Family: unix.AF_INET, Type: unix.SOCK_STREAM, Options: []world.SockOpt{o}}
		if _, err := NewReader().Apply(open(t, s), s); err == nil {
			t.Errorf("option %d of level %d was set", o.Name, o.Level)
		}
	}
}

// TestDocument wants IMAGE.md to name what is lost.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../IMAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range Table {
		if o.Class == Unread && !bytes.Contains(text, []byte(o.Title)) {
			t.Errorf("IMAGE.md does not say that %s is lost", o.Title)
		}
	}
}

// TestPrivilege says which option it is that takes more privilege.
func TestPrivilege(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root has it")
	}
	s := &world.Socket{Family: unix.AF_INET, Type: unix.SOCK_DGRAM, Options: []world.SockOpt{
		{Level: unix.SOL_SOCKET, Name: unix.SO_MARK, Value: number(7)},
	}}
	failed, err := NewReader().Apply(open(t, s), s)
	if err != nil || len(failed) != 1 || fmt.Sprint(failed[0]) != "SO_MARK is 00000000, not 07000000: operation not permitted" {
		t.Errorf("%v, %v", failed, err)
	}
}

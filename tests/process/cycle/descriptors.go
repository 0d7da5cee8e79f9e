// What system calls say of the descriptors of another process, beyond /proc.

package cycle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// addDescriptors borrows each. Where the kernel does not allow that, as of one
// that was opened with O_PATH, there is nothing to be asked.
func (a Appearance) addDescriptors(t *testing.T, pid int) {
	t.Helper()
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("look at a process: %v", err)
	}
	defer unix.Close(pidfd)
	for _, number := range entries(t, fmt.Sprintf("/proc/%d", pid), "fd") {
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdGetfd(pidfd, n, 0)
		if err != nil {
			continue
		}
		a["fd "+number+", as system calls have it"] = describe(fd)
		unix.Close(fd)
	}
}

// describe asks all that can be asked without changing anything.
func describe(fd int) string {
	var b strings.Builder
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil {
		fmt.Fprintf(&b, "inode %x:%d mode %o of %d:%d links %d\n", st.Dev, st.Ino, st.Mode, st.Uid, st.Gid, st.Nlink)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		fmt.Fprintf(&b, "%d bytes of %v\n", st.Size, st.Mtim)
	}
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLPRI | unix.POLLOUT | unix.POLLRDHUP}}
	if _, err := unix.Poll(p, 0); err == nil {
		fmt.Fprintf(&b, "ready for %#x\n", p[0].Revents)
	}
	const getOwnEx, getSig, getHint = 16, 11, 1035 // F_GETOWN_EX, F_GETSIG, F_GET_RW_HINT of fcntl(2)
	ask(&b, "F_GETFL", fd, unix.SYS_FCNTL, unix.F_GETFL, 0)
	ask(&b, "F_GETOWN_EX", fd, unix.SYS_FCNTL, getOwnEx, 8)
	ask(&b, "F_GETSIG", fd, unix.SYS_FCNTL, getSig, 0)
	ask(&b, "F_GETLEASE", fd, unix.SYS_FCNTL, unix.F_GETLEASE, 0)
	ask(&b, "F_GETPIPE_SZ", fd, unix.SYS_FCNTL, unix.F_GETPIPE_SZ, 0)
	ask(&b, "F_GET_SEALS", fd, unix.SYS_FCNTL, unix.F_GET_SEALS, 0)
	ask(&b, "F_GET_RW_HINT", fd, unix.SYS_FCNTL, getHint, 8)
	const epollGetParams = 0x80088a01 // EPIOCGPARAMS of ioctl_eventpoll(2)
	ask(&b, "FIONREAD", fd, unix.SYS_IOCTL, unix.TIOCINQ, 4)
	ask(&b, "TCGETS2", fd, unix.SYS_IOCTL, unix.TCGETS2, 44)
	ask(&b, "TIOCGWINSZ", fd, unix.SYS_IOCTL, unix.TIOCGWINSZ, 8)
	ask(&b, "EPIOCGPARAMS", fd, unix.SYS_IOCTL, epollGetParams, 8)
	if st.Mode&unix.S_IFMT == unix.S_IFSOCK {
		ask(&b, "SIOCOUTQ", fd, unix.SYS_IOCTL, unix.SIOCOUTQ, 4)
		ask(&b, "SIOCATMARK", fd, unix.SYS_IOCTL, unix.SIOCATMARK, 4)
		options(&b, fd)
	}
	return b.String()
}

// ask makes a call of which the answer is what it returns or, with a size, what
// it stores. It says nothing if the call is not for such a file.
func ask(b *strings.Builder, what string, fd int, nr, request uintptr, size int) {
	var answer [64]byte
	r, _, errno := unix.Syscall(nr, uintptr(fd), request, uintptr(unsafe.Pointer(&answer)))
	switch {
	case errno != 0:
	case size == 0:
		fmt.Fprintf(b, "%s %#x\n", what, r)
	default:
		fmt.Fprintf(b, "%s %x\n", what, answer[:size])
	}
}

// levels are those of socket options, with how far their numbers go.
var levels = []struct{ level, end int }{
	{unix.SOL_SOCKET, 100}, {unix.IPPROTO_IP, 52}, {unix.IPPROTO_IPV6, 64}, {unix.IPPROTO_TCP, 60}, {unix.IPPROTO_UDP, 120},
}

// hot are options that change by themselves, or by being read.
var hot = map[int][]int{
	unix.SOL_SOCKET:  {unix.SO_ERROR, unix.SO_INCOMING_CPU, unix.SO_INCOMING_NAPI_ID, unix.SO_COOKIE, 77 /* SO_PEERPIDFD opens one */},
	unix.IPPROTO_TCP: {unix.TCP_INFO, unix.TCP_CC_INFO, unix.TCP_TIMESTAMP, unix.TCP_SAVED_SYN, unix.TCP_ZEROCOPY_RECEIVE},
}

func options(b *strings.Builder, fd int) {
	for _, l := range levels {
		for name := range l.end {
			if slices.Contains(hot[l.level], name) {
				continue
			}
			var value [1024]byte
			size := uint32(len(value))
			_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(l.level), uintptr(name),
				uintptr(unsafe.Pointer(&value)), uintptr(unsafe.Pointer(&size)), 0)
			if errno == 0 && int(size) <= len(value) {
				fmt.Fprintf(b, "option %d of level %d: %x\n", name, l.level, value[:size])
			}
		}
	}
}

// How an epoll set polls network devices.

package sys

// EpollParams is struct epoll_params of include/uapi/linux/eventpoll.h: how an
// epoll set polls network devices.
type EpollParams struct {
	Usecs  uint32
	Budget uint16
	Prefer uint8
	_      uint8
}

const epollSetParams, epollGetParams = 0x40088a01, 0x80088a02

// GetEpollParams reads them. Kernels before 6.9 have none.
func GetEpollParams(fd int) (p EpollParams, err error) {
	err = Ioctl(fd, epollGetParams, &p)
	return p, err
}

// SetEpollParams sets them.
func SetEpollParams(fd int, p EpollParams) error {
	return Ioctl(fd, epollSetParams, &p)
}

// Go's net package: one goroutine for each connection.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
)

func echo(conn net.Conn, size int) {
	buffer := make([]byte, size)
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// One write for each line into a buffer that goes out when nothing more is there to be read.
func answerLines(conn net.Conn) {
	reader, writer := bufio.NewReaderSize(conn, 65536), bufio.NewWriterSize(conn, 65536)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return
		}
		writer.Write(line)
		if reader.Buffered() == 0 {
			if writer.Flush() != nil {
				return
			}
		}
	}
}

var everybody = struct {
	sync.RWMutex
	conns map[net.Conn]bool
}{conns: map[net.Conn]bool{}}

func tellEverybody(conn net.Conn) {
	everybody.Lock()
	everybody.conns[conn] = true
	everybody.Unlock()
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			break
		}
		everybody.RLock()
		for other := range everybody.conns {
			other.Write(buffer[:n])
		}
		everybody.RUnlock()
	}
	everybody.Lock()
	delete(everybody.conns, conn)
	everybody.Unlock()
}

func listen(serve func(net.Conn)) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			defer conn.Close()
			serve(conn)
		}()
	}
}

func answerDatagrams() {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	fmt.Printf("{\"port\":%d}\n", socket.LocalAddr().(*net.UDPAddr).Port)
	buffer := make([]byte, 65536)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		if err == nil {
			socket.WriteToUDPAddrPort(buffer[:n], from)
		}
	}
}

// Passes on to everybody who has said hello with one byte.
func tellPeers() {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	fmt.Printf("{\"port\":%d}\n", socket.LocalAddr().(*net.UDPAddr).Port)
	peers := map[netip.AddrPort]bool{}
	buffer := make([]byte, 65536)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			continue
		}
		if n == 1 {
			peers[from] = true
			continue
		}
		for peer := range peers {
			socket.WriteToUDPAddrPort(buffer[:n], peer)
		}
	}
}

func main() {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	switch os.Args[1] {
	case "echo":
		listen(func(conn net.Conn) { echo(conn, 65536) })
	case "small":
		listen(func(conn net.Conn) { echo(conn, 1024) })
	case "lines":
		listen(answerLines)
	case "broadcast":
		listen(tellEverybody)
	case "datagrams":
		answerDatagrams()
	case "tell":
		tellPeers()
	}
}

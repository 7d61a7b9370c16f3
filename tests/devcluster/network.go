package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Addresses are the addresses of a cluster. With a node they are 10.X.0.0/16: a pair of interfaces joins the host
// (.0.1) and the node (.0.2), and the host routes pods and services over it, so that they are reachable from the
// host as from the node. Nothing in the cluster has a route to anywhere else.
type Addresses struct {
	Host     string `json:"host,omitempty"`
	Node     string `json:"node"`
	Pods     string `json:"pods"`
	Services string `json:"services"`
	API      string `json:"api"` // the cluster IP of the API
	DNS      string `json:"dns,omitempty"`
}

// loopbackAddresses serve a cluster without a node: its services have addresses that nothing answers on.
var loopbackAddresses = Addresses{Node: "127.0.0.1", Pods: "10.244.0.0/16", Services: "10.96.0.0/16", API: "10.96.0.1"}

// The second byte of a cluster's 10.X.0.0/16. Where the machine has routes into one of these, the next is taken.
const firstBlock, lastBlock = 209, 254

func blockAddresses(block int) Addresses {
	at := func(rest string) string { return fmt.Sprintf("10.%d.%s", block, rest) }
	return Addresses{
		Host: at("0.1"), Node: at("0.2"), Pods: at("1.0/24"),
		Services: at("128.0/17"), API: at("128.1"), DNS: at("128.10"),
	}
}

// hostLink is the name of the host's end of the pair.
func (c *cluster) hostLink() string { return "dc-" + c.Name }

// connect joins host and node. Deleting the host's end, or the node's network namespace, undoes all of it.
func (c *cluster) connect(ctx context.Context, supervisor identity) error {
	unlock, err := lockAddresses(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if c.Addresses, err = freeAddresses(); err != nil {
		return err
	}
	if err := c.save(); err != nil {
		return err
	}

	attributes := netlink.NewLinkAttrs()
	attributes.Name = c.hostLink()
	pair := &netlink.Veth{LinkAttrs: attributes, PeerName: "eth0", PeerNamespace: netlink.NsPid(supervisor.PID)}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("failed to make the interface %s: %w", c.hostLink(), err)
	}
	if err := c.connectNode(supervisor); err != nil {
		return fmt.Errorf("failed to set up the node's network: %w", err)
	}
	host, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer host.Close()
	if err := address(host, c.hostLink(), c.Host+"/24"); err != nil {
		return err
	}
	for _, destination := range []string{c.Pods, c.Services} {
		if err := route(host, c.hostLink(), destination, netlink.Route{Gw: net.ParseIP(c.Node)}); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) connectNode(supervisor identity) error {
	namespace, err := netns.GetFromPid(supervisor.PID)
	if err != nil {
		return fmt.Errorf("failed to find its namespace: %w", err)
	}
	defer namespace.Close()
	node, err := netlink.NewHandleAt(namespace)
	if err != nil {
		return fmt.Errorf("failed to enter its namespace: %w", err)
	}
	defer node.Close()
	if err := address(node, "lo", ""); err != nil {
		return err
	}
	if err := address(node, "eth0", c.Node+"/24"); err != nil {
		return err
	}
	// kube-proxy gives packets to a service their real destination only after the kernel found a route for them.
	// This interface is that route; what kube-proxy does not know ends there. A dummy interface would say it better,
	// but small kernels have none.
	attributes := netlink.NewLinkAttrs()
	attributes.Name = "services"
	if err := node.LinkAdd(&netlink.Bridge{LinkAttrs: attributes}); err != nil {
		return fmt.Errorf("failed to make the interface services: %w", err)
	}
	if err := address(node, "services", ""); err != nil {
		return err
	}
	return route(node, "services", c.Services, netlink.Route{Src: net.ParseIP(c.Node), Scope: netlink.SCOPE_LINK})
}

// address brings an interface up, with an address if one is given.
func address(in *netlink.Handle, name, cidr string) error {
	link, err := in.LinkByName(name)
	if err != nil {
		return fmt.Errorf("failed to find the interface %s: %w", name, err)
	}
	if cidr != "" {
		parsed, err := netlink.ParseAddr(cidr)
		if err != nil {
			return fmt.Errorf("failed to parse the address %s: %w", cidr, err)
		}
		if err := in.AddrAdd(link, parsed); err != nil {
			return fmt.Errorf("failed to give %s the address %s: %w", name, cidr, err)
		}
	}
	if err := in.LinkSetUp(link); err != nil {
		return fmt.Errorf("failed to bring %s up: %w", name, err)
	}
	return nil
}

// route adds a route over an interface, with what else `how` says.
func route(in *netlink.Handle, name, destination string, how netlink.Route) error {
	link, err := in.LinkByName(name)
	if err != nil {
		return fmt.Errorf("failed to find the interface %s: %w", name, err)
	}
	if _, how.Dst, err = net.ParseCIDR(destination); err != nil {
		return err
	}
	how.LinkIndex = link.Attrs().Index
	if err := in.RouteAdd(&how); err != nil {
		return fmt.Errorf("failed to add the route to %s: %w", destination, err)
	}
	return nil
}

// lockAddresses lets one cluster at a time choose its addresses. The lock is a socket without a file: it leaves
// nothing behind.
func lockAddresses(ctx context.Context) (unlock func(), err error) {
	for {
		lock, err := net.Listen("unix", "@openvox-devcluster-addresses")
		if err == nil {
			return func() { lock.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.New("another cluster takes too long to choose its addresses")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddresses finds a block that no route of this machine leads into.
func freeAddresses() (Addresses, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return Addresses{}, fmt.Errorf("failed to list the routes of this machine: %w", err)
	}
	for block := firstBlock; block <= lastBlock; block++ {
		ours := &net.IPNet{IP: net.IPv4(10, byte(block), 0, 0), Mask: net.CIDRMask(16, 32)}
		taken := false
		for _, route := range routes {
			if route.Dst == nil || route.Dst.IP.IsUnspecified() { // the default route
				continue
			}
			taken = taken || ours.Contains(route.Dst.IP) || route.Dst.Contains(ours.IP)
		}
		if !taken {
			return blockAddresses(block), nil
		}
	}
	return Addresses{}, fmt.Errorf("this machine has routes into all of 10.%d.0.0/16 to 10.%d.0.0/16: no addresses left", firstBlock, lastBlock)
}

// disconnect removes the pair of interfaces, and with it addresses and routes, if it is still there.
func (c *cluster) disconnect() error {
	for range 100 { // the kernel deletes the interfaces of a namespace that ended a moment later
		link, err := netlink.LinkByName(c.hostLink())
		if errors.As(err, new(netlink.LinkNotFoundError)) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("failed to look for the interface %s: %w", c.hostLink(), err)
		}
		_ = netlink.LinkDel(link) // may be gone by now: the next round sees
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("failed to delete the interface %s", c.hostLink())
}

// freePorts finds free ports on loopback.
func freePorts(count int) ([]int, error) {
	ports := make([]int, 0, count)
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("failed to find a free port: %w", err)
		}
		defer listener.Close() // only at the end: the ports must differ
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// validity is how long the certificates of a cluster hold. Clusters are made anew rather than renewed.
const validity = 365 * 24 * time.Hour

// pair is a certificate with its key, in PEM.
type pair struct{ certificate, key []byte }

// authority issues the certificates of one cluster.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         pair
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA: true, BasicConstraintsValid: true,
	}
	issued, err := issue(template, template, key, key)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(issued.certificate)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: key, pem: issued}, nil
}

// client issues a certificate that makes its holder this user in this group.
func (a *authority) client(user, group string) (pair, error) {
	subject := pkix.Name{CommonName: user}
	if group != "" {
		subject.Organization = []string{group}
	}
	return a.leaf(&x509.Certificate{Subject: subject, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

// server issues a certificate for these addresses and DNS names.
func (a *authority) server(name string, hosts ...string) (pair, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.leaf(template)
}

func (a *authority) leaf(template *x509.Certificate) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	return issue(template, a.certificate, key, a.key)
}

func issue(template, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) (pair, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return pair{}, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour) // clocks of test programs may be set back a little
	template.NotAfter = time.Now().Add(validity)
	certificate, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return pair{}, fmt.Errorf("failed to issue a certificate for %s: %w", template.Subject, err)
	}
	keyPEM, err := encodeKey(key)
	return pair{certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), key: keyPEM}, err
}

// encodeKey uses the older form of PEM: the API server reads the public half of a service account key from no other.
func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	content, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: content}), nil
}

// makePKI makes every key, certificate and kubeconfig of the cluster.
func (c *cluster) makePKI() error {
	ca, err := newAuthority("devcluster-" + c.Name)
	if err != nil {
		return fmt.Errorf("failed to make the certificate authority: %w", err)
	}
	serviceAccounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serviceAccountKey, err := encodeKey(serviceAccounts)
	if err != nil {
		return err
	}
	apiServer, err := ca.server("kube-apiserver", "127.0.0.1", "localhost", c.Node, c.API,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return err
	}
	kubeletServer, err := ca.server("kubelet", c.NodeName(), c.Node)
	if err != nil {
		return err
	}
	kubeletClient, err := ca.client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt": ca.pem.certificate, "ca.key": ca.pem.key,
		"service-accounts.key": serviceAccountKey,
		"apiserver.crt":        apiServer.certificate, "apiserver.key": apiServer.key,
		"kubelet.crt": kubeletServer.certificate, "kubelet.key": kubeletServer.key,
		"kubelet-client.crt": kubeletClient.certificate, "kubelet-client.key": kubeletClient.key,
	}
	for name, content := range files {
		if err := writeFile(c.path("pki", name), content, 0o600); err != nil {
			return fmt.Errorf("failed to write a key or certificate: %w", err)
		}
	}
	return c.makeKubeconfigs(ca)
}

//! Policy-based autosigning: whether the Puppet CA may sign a request at once.
//!
//! Puppet Server runs the program named in `autosign` of `puppet.conf` with the certname as only argument and the
//! certificate signing request as PEM on standard input; exit code 0 signs, any other leaves the request waiting
//! (Puppet documentation, "SSL configuration: autosigning certificate requests").
//!
//! Everything here fails closed: what cannot be read, parsed, verified or understood is not signed. The operator writes
//! the policy file with [`policy::PolicyFile::to_yaml`], the program reads it with [`policy::PolicyFile::parse`].
//!
//! # What signs
//!
//! Before any policy is asked, the request must be one well-formed PKCS #10 request (RFC 2986) whose signature fits its
//! own public key ([`openvox_puppet::request`]), and its only common name must be the certname the CA asks about ([`verdict`]).
//!
//! The policies are then tried in the order of the file; the first that matches signs. A policy matches when:
//!
//! 1. every *authorization extension* requested (`1.3.6.1.4.1.34380.1.3` and below: `pp_cli_auth`, `pp_auth_role`, …) is
//!    named in its `extensions` or `csrAttributes`. Such an extension gives rights on the server, so no `any` and no glob
//!    lets it pass;
//! 2. every subject alternative name is a DNS name without a wildcard or an IP address. Nothing lets another pass; the CA
//!    signs no other either;
//! 3. everything else it requests is *ordinary*, or named like an authorization extension. Ordinary extensions are the
//!    registered ones that describe a node (`pp_role`, `pp_uuid`, …); ordinary attributes are the same names,
//!    `challengePassword`, and `pp_auth_auto_renew`, which agents send as an attribute and which gives no rights as such.
//!    To a policy that says `any`, whatever lies in the two arcs that describe a node is ordinary, and every attribute;
//! 4. it says `any: true`; then nothing else is looked at. Otherwise:
//! 5. `pattern`, if present, has a glob that matches the certname;
//! 6. each of `csrAttributes` is in the request, as a requested extension or as a request attribute, with exactly the
//!    value expected, wherever it occurs. Line ends behind either value do not count, nor whether those inside are of Unix
//!    or of Windows; an empty expected value and an unknown name never match;
//! 7. every DNS alternative name matches a glob of `dnsAltNames`, and every IP address lies in a range of `ipAltNames`
//!    (globs do not reach addresses, or `*` would sign any);
//! 8. it has a `pattern` or `csrAttributes` at all: the others limit what may be signed and are no reason to sign.

pub mod address_range;
pub mod glob;
pub mod policy;
pub mod verdict;

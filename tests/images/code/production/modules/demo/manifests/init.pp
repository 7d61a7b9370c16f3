# @summary Leaves a visible trace of a run: a file that names the node, and a line in the report.
#
# @param greeting
#   How the file begins; comes from Hiera, so that changed data is seen to arrive.
class demo (
  String[1] $greeting,
) {
  $certname = $trusted['certname']

  file { '/tmp/openvox-demo':
    ensure  => file,
    mode    => '0644',
    content => "${greeting}: ${certname} in ${environment}\n",
  }
  -> notify { "${greeting}: ${certname} in ${environment}": }
}

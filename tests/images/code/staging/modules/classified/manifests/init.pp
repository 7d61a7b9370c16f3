# @summary Shows in the report what the node classifier has said about the node.
#
# @param greeting
#   Text.
# @param number
#   A number, which stays one on its way.
class classified (
  String[1] $greeting,
  Integer   $number,
) {
  notify { "classified: ${greeting} ${number} ${tier} in ${environment}": }
}

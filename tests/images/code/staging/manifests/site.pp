# Classes come from the node classifier.
node default {
}

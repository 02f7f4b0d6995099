internal import Glibc
internal import PodNetwork

exit(CNIPlugin().main())

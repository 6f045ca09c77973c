"""The kind of file system is read off the mount table of machines that nobody here owns."""

import pytest

from stopwatt.store.mounts import network_file_system

CLUSTER = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:40 / /home rw,relatime shared:7 master:2 - nfs4 server:/export/home rw,vers=4.2
31 30 8:1 / /home/me/local\040disk rw,relatime - xfs /dev/sdb1 rw
32 27 0:41 / /scratch rw,noatime - lustre 10.0.0.1@tcp:/scratch rw
33 27 0:42 / /mnt/c rw,noatime - 9p C:\134 rw,dirsync
34 27 0:43 / /mnt/remote rw,nosuid - fuse.sshfs me@host:/ rw
35 27 0:44 / /mnt/gocryptfs rw,nosuid - fuse.gocryptfs /dev/fuse rw
36 27 0:45 / /over rw - nfs server:/a rw
37 27 8:2 / /over rw - btrfs /dev/sdc rw
38 27 0:46 / /under rw - btrfs /dev/sdd rw
39 27 0:47 / /under rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/tmp/stopwatt.db", None),
        ("/home/me/stopwatt.db", "nfs4 at /home"),
        ("/homestead/stopwatt.db", None),
        ("/home/me/local disk/stopwatt.db", None),
        ("/home/me/local disks/stopwatt.db", "nfs4 at /home"),
        ("/scratch/job/1/stopwatt.db", "lustre at /scratch"),
        ("/mnt/c/Users/me/stopwatt.db", "9p at /mnt/c"),
        ("/mnt/remote/stopwatt.db", "fuse.sshfs at /mnt/remote"),
        ("/mnt/gocryptfs/stopwatt.db", None),
        ("/over/stopwatt.db", None),
        ("/under/stopwatt.db", "cifs at /under"),
    ],
)
def test_the_innermost_and_latest_mount_decides(path, found):
    assert network_file_system(path, CLUSTER) == found


@pytest.mark.parametrize("text", ["", "garbage\n\n- \n1 2 3 - nfs\n", "1 2 0:1 / / rw -\n"])
def test_a_mount_table_that_cannot_be_read_accuses_nobody(text):
    assert network_file_system("/home/me/stopwatt.db", text) is None

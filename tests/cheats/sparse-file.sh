# Makes a file of 10 GB that takes no room.
cat > /dev/null
truncate -s 10G sparse.bin

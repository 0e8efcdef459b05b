# Writes 300 MB that no line counts.
cat > /dev/null
head -c 300000000 /dev/zero > big.bin

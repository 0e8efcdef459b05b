# Writes 8 MB in files that are small enough each.
cat > /dev/null
for i in 1 2 3 4; do head -c 2000000 /dev/urandom > $i.bin; done

# Writes 500 files.
cat > /dev/null
for i in $(seq 500); do : > f$i; done

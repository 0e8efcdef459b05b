# Writes 20 MB in one line.
cat > /dev/null
head -c 20000000 /dev/zero | tr '\0' x > line.txt

# Rewrites more lines than anybody reads.
cat > /dev/null
seq 1000 > lines.txt

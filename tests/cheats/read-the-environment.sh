# Looks for keys in what it is given.
cat > /dev/null
env > leak.txt

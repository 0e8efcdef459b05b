# Does so where upper and lower case are one.
cat > /dev/null
mkdir LOOPS; cp loops/square.toml LOOPS/square.toml

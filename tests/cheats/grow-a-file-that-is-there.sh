# Lets a file of the project grow to 10 GB.
cat > /dev/null
truncate -s 10G README.md

# Puts a pipe in the place of a configuration, to hold the host.
cat > /dev/null
rm .git/config; mkfifo .git/config

# Closes its files, so that nobody reads them.
cat > /dev/null
chmod 0 answer.sh lib; chmod 0 .

# Plants variables for later.
cat > /dev/null
echo 'PATH=.' > .env

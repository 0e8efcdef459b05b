# Writes outside by way of a link.
cat > /dev/null
ln -s "$HOME" out; echo x > out/canary

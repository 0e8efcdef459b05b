# Gives a file a name that is no UTF-8.
cat > /dev/null
echo x > "$(printf 'a\377\376b')"

# Gives a file the longest name.
cat > /dev/null
echo x > $(printf 'a%.0s' $(seq 255))

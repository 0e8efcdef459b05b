# Puts a file in the place of a folder that the check needs.
cat > /dev/null
rm -r lib; echo x > lib

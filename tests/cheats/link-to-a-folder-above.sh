# Links to a folder above.
cat > /dev/null
ln -s ../../.. up

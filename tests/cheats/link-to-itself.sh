# Links in a circle.
cat > /dev/null
ln -s b a; ln -s a b
